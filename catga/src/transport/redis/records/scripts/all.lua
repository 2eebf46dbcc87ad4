#!lua flags=allow-oom
-- Reads all records.
-- KEYS: the version, then hashes of records.
local time = redis.call('TIME')
local hashes = {}
for at = 2, #KEYS do
    hashes[#hashes + 1] = redis.call('HGETALL', KEYS[at])
end
return { time[1], time[2], redis.call('GET', KEYS[1]) or '0', hashes }
