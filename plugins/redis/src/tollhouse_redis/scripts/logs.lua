-- Logs, leaders and messages.
local KEEP_MESSAGES, MOST_MESSAGES = 60000000, 10000

function handlers.append(op)
  local id = 0
  for _, data in ipairs(op[3]) do
    id = fresh()
    call('XADD', P .. 'log:' .. op[2], digits(id) .. '-0', 'd', data)
  end
  return id
end

function handlers.read(op)
  local items = {}
  for _, entry in ipairs(call('XRANGE', P .. 'log:' .. op[2], op[3], '+', 'COUNT', op[4])) do
    items[#items + 1] = entry[1]
    items[#items + 1] = entry[2][2]
  end
  return items
end

function handlers.trim(op)
  return call('XTRIM', P .. 'log:' .. op[2], 'MINID', op[3])
end

function handlers.lead(op)
  local name, me, ttl = P .. 'leader:' .. op[2], op[3], op[4]
  local owner, over = unpack(call('HMGET', name, 'o', 'x'))
  if owner and owner ~= me and tonumber(over) > NOW then return 0 end
  call('HSET', name, 'o', me, 'x', digits(NOW + ttl))
  call('PEXPIRE', name, lifetime(ttl))
  return 1
end

function handlers.abdicate(op)
  for _, name in ipairs(op[3]) do
    if call('HGET', P .. 'leader:' .. name, 'o') == op[2] then call('DEL', P .. 'leader:' .. name) end
  end
  return 1
end

function handlers.publish(op)
  local id = digits(fresh()) .. '-0'
  call('XADD', P .. 'news', 'MAXLEN', '~', MOST_MESSAGES, id, 't', op[2], 'd', op[3])
  call('XTRIM', P .. 'news', 'MINID', '~', digits(NOW - KEEP_MESSAGES))
  return 1
end

function handlers.present()
  return NOW
end
