-- Reading the ledger, and forgetting its months. A month or an hour is named by the unix second it starts at.
local AT_ONCE, BYTES, NAMED = 500, 4194304, 1000

local function months_down()
  return call('ZREVRANGE', P .. 'months', 0, -1)
end

local function month_of(id)
  for _, month in ipairs(months_down()) do
    if call('HEXISTS', P .. 'rows:' .. month, id) == 1 then return month end
  end
end

-- Up to `n` rows of [since, till), newest first, after the row `after`; fewer than `n` does not mean the end, none does.
function handlers.rows(op)
  local since, till, after, n = op[2], op[3], op[4], min(op[5], AT_ONCE)
  local start, page, bytes = after ~= '' and month_of(after), {}, 0
  if after ~= '' and not start then return page end
  for _, month in ipairs(months_down()) do
    if not start or tonumber(month) <= tonumber(start) then
      local times = P .. 'times:' .. month
      local first = call('ZCOUNT', times, till, '+inf')
      if month == start then first = max(first, call('ZREVRANK', times, after) + 1) end
      local past = min(call('ZCOUNT', times, since, '+inf'), first + n - #page)
      if past > first then
        for _, id in ipairs(call('ZREVRANGE', times, first, past - 1)) do
          page[#page + 1] = call('HGET', P .. 'rows:' .. month, id)
          bytes = bytes + #page[#page]
          if bytes > BYTES then return page end
        end
      end
      if #page >= n then return page end
    end
  end
  return page
end

function handlers.row(op)
  local month = month_of(op[2])
  return month and {call('HGET', P .. 'rows:' .. month, op[2])} or {}
end

-- The rows whose request has this id; some may have a longer one.
function handlers.named(op)
  local found = handlers.row(op)
  for _, month in ipairs(months_down()) do
    local from, to = '[' .. op[2] .. '\0', '(' .. op[2] .. '\1'
    for _, entry in ipairs(call('ZRANGEBYLEX', P .. 'named:' .. month, from, to, 'LIMIT', 0, NAMED)) do
      found[#found + 1] = call('HGET', P .. 'rows:' .. month, string.sub(entry, #op[2] + 2)) or nil
    end
  end
  return found
end

function handlers.hours(op)
  return call('ZRANGEBYSCORE', P .. 'hours', op[2], '(' .. op[3])
end

function handlers.sums(op)
  return call('HGETALL', P .. 'sums:' .. op[2])
end

function handlers.forget(op)
  local before, forgotten = '(' .. digits(op[2]), 0
  for _, month in ipairs(call('ZRANGEBYSCORE', P .. 'months', '-inf', before)) do
    forgotten = forgotten + call('ZCARD', P .. 'times:' .. month)
    call('UNLINK', P .. 'rows:' .. month, P .. 'times:' .. month, P .. 'named:' .. month)
    call('ZREM', P .. 'months', month)
  end
  for _, hour in ipairs(call('ZRANGEBYSCORE', P .. 'hours', '-inf', before)) do
    call('UNLINK', P .. 'sums:' .. hour)
    call('ZREM', P .. 'hours', hour)
  end
  return forgotten
end

local function finish() end
