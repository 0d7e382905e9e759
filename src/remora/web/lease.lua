-- Leases permits of one window. Its key counts what has been leased in it, and expires when it ends.
-- ARGV: the window's limit; its length in milliseconds; how many permits the asker has used in it; and n, where
-- no lease is more than 1/n of the limit.
-- Answers: permits leased; permits left for later leases; milliseconds until the window ends.

local limit, length, used, n = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local taken = tonumber(redis.call('GET', KEYS[1]) or 0)
local left = limit - taken
local ends = redis.call('PTTL', KEYS[1])
local permits = 0

if left > 0 then
  -- Of what is left, the asker's part is what its part was so far; that keeps it even until the end.
  local part = math.floor(left * used / math.max(taken, 1))
  permits = math.min(left, math.max(1, math.min(part, math.floor(limit / n))))
  redis.call('INCRBY', KEYS[1], permits)
end
-- A new window; or one whose end someone has taken away, and that would never end.
if ends < 0 then
  redis.call('PEXPIRE', KEYS[1], length)
  ends = length
end
return {permits, left - permits, ends}
