-- Mail is queued by the settlement it belongs to.
local function post(mail)
  for _, letter in ipairs(mail) do
    local queue, id = letter[1], string.format('%016.0f', fresh())
    call('HSET', P .. 'letters:' .. queue, id, letter[2])
    call('ZADD', P .. 'mail:' .. queue, NOW, id)
  end
end
