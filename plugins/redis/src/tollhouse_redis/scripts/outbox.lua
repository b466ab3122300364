-- The outbox: message ids by when they are due, their data and tries apart.
function handlers.take(op)
  local queue, n, lease = op[2], op[3], op[4]
  local taken = {}
  for _, id in ipairs(call('ZRANGEBYSCORE', P .. 'mail:' .. queue, '-inf', NOW, 'LIMIT', 0, n)) do
    call('ZADD', P .. 'mail:' .. queue, NOW + lease, id)
    local tries = call('HINCRBY', P .. 'tries:' .. queue, id, 1)
    for _, part in ipairs({id, call('HGET', P .. 'letters:' .. queue, id), tries}) do taken[#taken + 1] = part end
  end
  return taken
end

function handlers.done(op)
  local queue, ids, again, dead = op[2], op[3], op[4], op[5]
  for _, id in ipairs(ids) do
    if call('ZSCORE', P .. 'mail:' .. queue, id) then
      if dead then
        local grave = queue .. ':dead'
        call('HSET', P .. 'letters:' .. grave, id, call('HGET', P .. 'letters:' .. queue, id))
        call('HSET', P .. 'tries:' .. grave, id, call('HGET', P .. 'tries:' .. queue, id) or 0)
        call('ZADD', P .. 'mail:' .. grave, NOW, id)
      elseif again then
        call('ZADD', P .. 'mail:' .. queue, again, id)
      end
      if dead or not again then
        call('ZREM', P .. 'mail:' .. queue, id)
        call('HDEL', P .. 'letters:' .. queue, id)
        call('HDEL', P .. 'tries:' .. queue, id)
      end
    end
  end
  return 1
end
