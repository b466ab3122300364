-- Claims and what becomes of them. A hold is a letter for its state, L live, X lost or S settled, and its demands.
local MONEY = 'nano_usd'
local KEEP_SETTLED, KEEP_LOST = 3600000, 7 * 86400000
local REAPED = 500

-- What a hold has on the counters, and its state.
local function holding(hold)
  local stored = call('GET', P .. 'hold:' .. hold)
  local state = stored and string.sub(stored, 1, 1)
  if not stored or state == 'S' then return {}, state end
  local demands = unpacked(string.sub(stored, 2))
  if state == 'L' then return demands, state end
  local money = {}
  for _, demand in ipairs(demands) do
    if demand[MEASURE] == MONEY then money[#money + 1] = demand end
  end
  return money, state
end

-- Free what dead processes held, all but its money; so many in one script, the next takes more.
local function reap()
  for _, hold in ipairs(call('ZRANGEBYSCORE', P .. 'due', '-inf', NOW, 'LIMIT', 0, REAPED)) do
    local stored = call('GET', P .. 'hold:' .. hold)
    if stored and string.sub(stored, 1, 1) == 'L' then
      local blob = string.sub(stored, 2)
      call('SET', P .. 'hold:' .. hold, 'X' .. blob, 'PX', KEEP_LOST)
      call('ZADD', P .. 'lost', NOW, hold)
      local changes = {}
      for _, demand in ipairs(unpacked(blob)) do
        replace(changes, demand, demand[MEASURE] == MONEY and demand[AMOUNT] or 0, {})
      end
      commit(changes)
    end
    call('ZREM', P .. 'due', hold)
  end
end

function handlers.claim(op)
  local hold, ttl, blob = op[2], op[3], op[4]
  local demands, held, state = unpacked(blob), holding(hold)
  local earlier, changes = {}, {}
  for _, demand in ipairs(held) do
    earlier[demand[SPOT]] = (earlier[demand[SPOT]] or 0) + demand[AMOUNT]
  end
  local levels, crossed, shadowed, refusing = {}, {}, {}, {}
  for i, demand in ipairs(demands) do
    local spot = demand[SPOT]
    local counter = changes[spot] and changes[spot][1] or refilled(read(spot), demand)
    local before = earlier[spot]
    earlier[spot] = nil
    local more = demand[AMOUNT] - (before or 0)
    local over = counter[1] + more - demand[LIMIT] - demand[BURST]
    if over > 0 and (not before or more > 0) then
      if demand[ENFORCE] then
        for _, figure in ipairs({i - 1, counter[1], counter[3], more}) do refusing[#refusing + 1] = figure end
      else
        shadowed[#shadowed + 1] = i - 1
      end
    end
    local after = moved(counter, more)
    changes[spot] = {after, demand}
    cross(crossed, demand, counter, after)
    levels[#levels + 1] = after[1]
    levels[#levels + 1] = after[3]
  end
  if #refusing > 0 then
    local standings = standing(demands)
    rebase(demands)
    return {0, NOW, standings, refusing}
  end
  for _, demand in ipairs(held) do
    if earlier[demand[SPOT]] then replace(changes, demand, 0, {}) end
  end
  call('SET', P .. 'hold:' .. hold, 'L' .. blob)
  call('ZADD', P .. 'due', NOW + ttl, hold)
  if state == 'X' then call('ZREM', P .. 'lost', hold) end
  commit(changes)
  return {1, NOW, levels, crossed, shadowed}
end

function handlers.settle(op)
  local hold, actual, row, mail = op[2], op[3], op[4], op[5]
  local held, state = holding(hold)
  local booked = row and is_booked(row[ID])
  if state == 'S' or (not state and booked) then return {0, {}} end
  local changes, crossed = {}, {}
  for _, demand in ipairs(held) do
    local measure, figure = demand[MEASURE], 0
    if demand[KIND] ~= SLOTS then
      figure = actual[measure] or (measure == 'requests' and demand[AMOUNT] or 0)
    end
    replace(changes, demand, figure, crossed)
  end
  call('SET', P .. 'hold:' .. hold, 'S', 'PX', KEEP_SETTLED)
  if state == 'L' then call('ZREM', P .. 'due', hold) end
  if state == 'X' then call('ZREM', P .. 'lost', hold) end
  commit(changes)
  if row and not booked then book(row) end
  post(mail)
  return {1, crossed}
end

function handlers.renew(op)
  local alive = {}
  for i, hold in ipairs(op[3]) do
    alive[i] = call('ZSCORE', P .. 'due', hold) and 1 or 0
    if alive[i] == 1 then call('ZADD', P .. 'due', NOW + op[2], hold) end
  end
  return alive
end

function handlers.expired(op)
  local taken = {}
  while #taken < 2 * op[2] do
    local hold = call('ZPOPMIN', P .. 'lost')[1]
    if not hold then break end
    local stored = call('GET', P .. 'hold:' .. hold)
    if stored and string.sub(stored, 1, 1) == 'X' then
      taken[#taken + 1] = hold
      taken[#taken + 1] = string.sub(stored, 2)
      call('DEL', P .. 'hold:' .. hold)
    end
  end
  return taken
end

function handlers.levels(op)
  return {NOW, standing(unpacked(op[2]))}
end

local function finish()
  write_counters()
end

reap()
