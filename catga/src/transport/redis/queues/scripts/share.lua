#!lua flags=allow-oom
-- Makes the group that reads a shared queue, from its beginning, and forgets consumers that have
-- nothing and have not asked for long.
-- KEYS: the stream. ARGV: the group, for how long, in milliseconds.
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
if made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then
    return made
end
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    local found = {}
    for field = 1, #consumer, 2 do
        found[consumer[field]] = consumer[field + 1]
    end
    if found['pending'] == 0 and found['idle'] > tonumber(ARGV[2]) then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], found['name'])
    end
end
return redis.status_reply('OK')
