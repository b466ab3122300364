-- A row goes into its month, and into the sums of its hour.
local ID, AT, MONTH, HOUR, GROUP, REQUEST, ROW, FIGURES = 1, 2, 3, 4, 5, 6, 7, 8
local months, begun

local function is_booked(id)
  if not months then
    months, begun = call('ZRANGE', P .. 'months', 0, -1), {}
    for _, month in ipairs(months) do begun[month] = true end
  end
  for _, month in ipairs(months) do
    if call('HEXISTS', P .. 'rows:' .. month, id) == 1 then return true end
  end
  return false
end

-- To be asked after `is_booked`.
local function book(row)
  local id, month, hour = row[ID], row[MONTH], row[HOUR]
  call('HSET', P .. 'rows:' .. month, id, row[ROW])
  if not begun[digits(month)] then
    call('ZADD', P .. 'months', month, month)
    months = nil
  end
  call('ZADD', P .. 'times:' .. month, row[AT], id)
  if row[REQUEST] ~= '' and row[REQUEST] ~= id then
    call('ZADD', P .. 'named:' .. month, 0, row[REQUEST] .. '\0' .. id)
  end
  local figures, stored = row[FIGURES], call('HGET', P .. 'sums:' .. hour, row[GROUP])
  if stored then
    local sums = {struct.unpack('>dddddd', stored)}
    for i = 1, 6 do figures[i] = figures[i] + sums[i] end
  else
    call('ZADD', P .. 'hours', hour, hour)
  end
  call('HSET', P .. 'sums:' .. hour, row[GROUP], struct.pack('>dddddd', unpack(figures)))
end
