-- Every operation answers for itself: one that fails leaves the others of its script alone.
local answers = {}
for i = 2, #ARGV do
  local op = unpacked(ARGV[i])
  local fine, answer = pcall(handlers[op[1]], op)
  if not fine then
    answer = redis.error_reply(type(answer) == 'table' and answer.err or tostring(answer))
  end
  answers[i - 1] = answer
end
finish()
return answers
