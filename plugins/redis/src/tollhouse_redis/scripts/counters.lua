-- The arithmetic of counters, as tollhouse.store.counters has it: whole microseconds and units, exact below 2^53.
-- A counter is {used, at, part, peak}; each is read once a script and written once.
local SPOT, KIND, AMOUNT, LIMIT, BURST, PERIOD, UNTIL, MEASURE, ENFORCE, MARKS, KEY = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
local RATE, WINDOW, SLOTS = 'r', 'w', 's'
local MOST, EXACT = 9007199254740991, 4503599627370496
local WINDOW_GRACE, NO_REFILL = 3600000000, 86400000000
local known, changed = {}, {}

local function read(spot)
  local counter = known[spot]
  if not counter then
    local stored = call('GET', P .. 'counter:' .. spot)
    counter = stored and {struct.unpack('>dddd', stored)} or {0, 0, 0, 0}
    known[spot] = counter
  end
  return counter
end

local function commit(changes)
  for spot, change in pairs(changes) do
    known[spot] = change[1]
    changed[spot] = change[2]
  end
end

local function write_counters()
  for spot, demand in pairs(changed) do
    local counter, name, kind = known[spot], P .. 'counter:' .. spot, demand[KIND]
    local used, stored = counter[1], struct.pack('>dddd', unpack(counter))
    if kind == WINDOW then
      call('SET', name, stored, 'PX', lifetime(demand[UNTIL] - NOW + WINDOW_GRACE))
    elseif used == 0 then
      call('DEL', name)
    elseif kind == SLOTS then
      call('SET', name, stored)
    elseif demand[LIMIT] > 0 then
      call('SET', name, stored, 'PX', lifetime(used * demand[PERIOD] / demand[LIMIT]))
    else
      call('SET', name, stored, 'PX', lifetime(NO_REFILL))
    end
  end
end

-- The quotient and remainder of a * b / period for a < period, although a * b may be far above 2^53: b in digits
-- so small that every step stays exact, the greatest first.
local function scaled(a, b, period, base)
  local quotient, sum = 0, a * b
  if sum > EXACT then
    if not base then
      local _, exponent = math.frexp(period)
      base = 2 ^ (52 - exponent)
    end
    local low = fmod(b, base)
    sum = low * a
    if b >= base then
      local above, left = scaled(a, (b - low) / base, period, base)
      quotient, sum = above * base, left * base + sum
    end
  end
  local left = fmod(sum, period)
  return quotient + (sum - left) / period, left
end

local function refilled(counter, demand)
  local kind, used = demand[KIND], counter[1]
  if kind == WINDOW then return counter end
  if kind == SLOTS then return {used, 0, 0, used} end
  -- A clock that was set back refills nothing for the past, and nothing waits for it to catch up.
  local elapsed, period, limit = max(0, NOW - counter[2]), demand[PERIOD], demand[LIMIT]
  local rest = fmod(elapsed, period)
  local leaked = (elapsed - rest) / period * limit
  if leaked >= used then return {0, NOW, 0, 0} end
  local more, part = scaled(rest, limit, period)
  leaked, part = leaked + more, part + min(counter[3], period - 1)
  if part >= period then leaked, part = leaked + 1, part - period end
  if leaked >= used then return {0, NOW, 0, 0} end
  used = used - leaked
  return {used, NOW, part, used}
end

local function moved(counter, by)
  local used = min(max(0, counter[1] + by), MOST)
  return {used, counter[2], used > 0 and counter[3] or 0, max(counter[4], used)}
end

-- Rates that were refilled by a clock that has been set back since refill from now on.
local function rebase(demands)
  local changes = {}
  for _, demand in ipairs(demands) do
    local counter = read(demand[SPOT])
    if demand[KIND] == RATE and counter[2] > NOW then changes[demand[SPOT]] = {refilled(counter, demand), demand} end
  end
  commit(changes)
end

local function cross(crossed, demand, before, after)
  local marks = demand[MARKS]
  if #marks == 0 then return end
  table.sort(marks)
  for _, mark in ipairs(marks) do
    if before[4] < mark and mark <= after[1] then
      crossed[#crossed + 1] = demand[KEY]
      crossed[#crossed + 1] = mark
    end
  end
end

local function replace(changes, demand, figure, crossed)
  if figure == demand[AMOUNT] or (demand[KIND] == WINDOW and demand[UNTIL] <= NOW) then return end
  local spot = demand[SPOT]
  local before = changes[spot] and changes[spot][1] or refilled(read(spot), demand)
  local after = moved(before, figure - demand[AMOUNT])
  changes[spot] = {after, demand}
  cross(crossed, demand, before, after)
end

-- `used` and `part` of each, one after the other.
local function standing(demands)
  local levels = {}
  for _, demand in ipairs(demands) do
    local counter = refilled(read(demand[SPOT]), demand)
    levels[#levels + 1] = counter[1]
    levels[#levels + 1] = counter[3]
  end
  return levels
end
