-- What every script begins with. KEYS[1] is the beginning of all keys, ARGV[1] the present in microseconds or empty
-- for the server's own clock; ARGV[2...] are operations, each a msgpack array that names its handler first.
local P = KEYS[1] .. ':'
local call, pack, unpacked = redis.call, cmsgpack.pack, cmsgpack.unpack
local fmod, ceil, max, min = math.fmod, math.ceil, math.max, math.min
local NOW = tonumber(ARGV[1])
if not NOW then
  local time = call('TIME')
  NOW = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
-- Redis forgets what is over this many milliseconds late, so that only the present above decides what is over.
local GRACE = 600000
local handlers = {}

-- Lua would write a large number with an exponent.
local function digits(number)
  return string.format('%.0f', number)
end

-- Milliseconds for PX, of microseconds from now.
local function lifetime(micros)
  return digits(min(ceil(max(micros, 0) / 1000) + GRACE, 1e14))
end

-- A number that never was given before: versions, ids of logs, mail and messages. It is the present unless that is
-- taken, so that numbers stay new even after all data was lost.
local last
local function fresh()
  last = max((last or tonumber(call('GET', P .. 'serial') or 0)) + 1, NOW)
  call('SET', P .. 'serial', digits(last))
  return last
end
