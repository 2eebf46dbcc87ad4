#!lua flags=allow-oom
-- Writes a mark if it has the expected version. A mark is "VERSION VALUE".
-- KEYS: the mark, the last version of any mark of the service.
-- ARGV: the expected version ('' for no mark), the value, after how many milliseconds it is gone
-- ('' for never).
local found = redis.call('GET', KEYS[1])
if (found and string.match(found, '^%d+') or '') ~= ARGV[1] then
    return false
end
-- Rises with the clock, too: what was given out before a server lost its last writes, or all of
-- them, is not given out again.
local time = redis.call('TIME')
local last = redis.call('GET', KEYS[2]) or '0'
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local version = string.format('%.0f', math.max(tonumber(last) + 1, now))
redis.call('SET', KEYS[2], version)
local mark = version .. ' ' .. ARGV[2]
if ARGV[3] == '' then
    redis.call('SET', KEYS[1], mark)
else
    redis.call('SET', KEYS[1], mark, 'PX', ARGV[3])
end
return version
