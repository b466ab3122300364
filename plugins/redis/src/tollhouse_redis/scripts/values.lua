-- Values: a hash of data (d), version (v), when it is over (x) and its tags' generations (t), listed in key order.
local AT_ONCE, BYTES = 50, 4194304
local SWEPT = 4

local function living(key)
  local version, over, tags = unpack(call('HMGET', P .. 'value:' .. key, 'v', 'x', 't'))
  if not version or (over and tonumber(over) <= NOW) then return false end
  if tags then
    for tag, generation in pairs(unpacked(tags)) do
      if call('HGET', P .. 'tags', tag) ~= generation then return false end
    end
  end
  return version
end

local function remove(key)
  call('DEL', P .. 'value:' .. key)
  call('ZREM', P .. 'keys', key)
  call('ZREM', P .. 'dying', key)
end

-- A few that are over, and one at random in case its tag was dropped: with every value that comes.
local function sweep()
  for _, key in ipairs(call('ZRANGEBYSCORE', P .. 'dying', '-inf', NOW, 'LIMIT', 0, SWEPT)) do remove(key) end
  local key = call('ZRANDMEMBER', P .. 'keys')
  if key and not living(key) then remove(key) end
end

function handlers.get(op)
  local found = {}
  for i, key in ipairs(op[2]) do
    local version = living(key)
    found[i] = version and {version, call('HGET', P .. 'value:' .. key, 'd')} or 0
  end
  return found
end

function handlers.put(op)
  local key, data, ttl, tags, expect = op[2], op[3], op[4], op[5], op[6]
  if expect and tonumber(living(key) or 0) ~= expect then return 0 end
  local version, name = fresh(), P .. 'value:' .. key
  call('HSET', name, 'v', digits(version), 'd', data)
  call('HDEL', name, 'x', 't')
  if #tags > 0 then
    local generations = {}
    for _, tag in ipairs(tags) do
      call('HSETNX', P .. 'tags', tag, 0)
      generations[tag] = call('HGET', P .. 'tags', tag)
    end
    call('HSET', name, 't', pack(generations))
  end
  if ttl then
    call('HSET', name, 'x', digits(NOW + ttl))
    call('PEXPIRE', name, lifetime(ttl))
    call('ZADD', P .. 'dying', NOW + ttl, key)
  else
    call('PERSIST', name)
    call('ZREM', P .. 'dying', key)
  end
  call('ZADD', P .. 'keys', 0, key)
  sweep()
  return version
end

function handlers.drop(op)
  local keys, tag, dropped = op[2], op[3], 0
  for _, key in ipairs(keys) do
    if living(key) then dropped = dropped + 1 end
    remove(key)
  end
  if tag and call('HEXISTS', P .. 'tags', tag) == 1 then
    call('HINCRBY', P .. 'tags', tag, 1)
    dropped = dropped + 1
  end
  return dropped
end

-- A page of keys, versions and data from a place in key order, and the place of the next page, empty at the end.
function handlers.scan(op)
  local prefix, from, limit = op[2], op[3], op[4]
  local keys = call('ZRANGEBYLEX', P .. 'keys', from, '+', 'LIMIT', 0, AT_ONCE)
  local page, bytes = {''}, 0
  for _, key in ipairs(keys) do
    if string.sub(key, 1, #prefix) ~= prefix then return page end
    local version = living(key)
    if version then
      local data = call('HGET', P .. 'value:' .. key, 'd')
      for _, part in ipairs({key, version, data}) do page[#page + 1] = part end
      bytes, limit = bytes + #data, limit - 1
    else
      remove(key)
    end
    if limit == 0 then return page end
    if bytes > BYTES then
      page[1] = '(' .. key
      return page
    end
  end
  if #keys == AT_ONCE then page[1] = '(' .. keys[#keys] end
  return page
end
