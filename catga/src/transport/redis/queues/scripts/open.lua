#!lua flags=allow-oom
-- Opens a generation, and destroys every other that reads one of its partitions, with all that
-- those read. A generation is a group of one name on the streams of its partitions.
-- KEYS: the mark of the queues, the generations (a hash: stream -> name), the streams.
-- ARGV: a new mark, in case there is none; the name.
-- Answers the mark; for each stream that was read: its key and the last id that was received; for
-- each that holds entries: its key and the last id.
local generations, name = KEYS[2], ARGV[2]
redis.call('SET', KEYS[1], ARGV[1], 'NX')
local received, stored, destroyed, mine = {}, {}, {}, {}

local function destroy(stream)
    local groups = redis.pcall('XINFO', 'GROUPS', stream)
    -- A Redis Cluster is moving it away. Once it has been moved, this can be done as a whole.
    if groups.err and string.find(groups.err, 'non local key', 1, true) then
        error(groups.err)
    end
    -- Without a stream there is none.
    for _, group in ipairs(groups.err and {} or groups) do
        local found = {}
        for field = 1, #group, 2 do
            found[group[field]] = group[field + 1]
        end
        redis.call('XGROUP', 'DESTROY', stream, found['name'])
        destroyed[found['name']] = true
        received[#received + 1] = { stream, found['last-delivered-id'] }
    end
end

for at = 3, #KEYS do
    mine[KEYS[at]] = true
    destroy(KEYS[at])
end
local all = redis.call('HGETALL', generations)
for field = 1, #all, 2 do
    local stream, reader = all[field], all[field + 1]
    if destroyed[reader] and not mine[stream] then
        destroy(stream)
        redis.call('HDEL', generations, stream)
    end
end
for at = 3, #KEYS do
    redis.call('XGROUP', 'CREATE', KEYS[at], name, '0', 'MKSTREAM')
    redis.call('HSET', generations, KEYS[at], name)
    local last = redis.call('XREVRANGE', KEYS[at], '+', '-', 'COUNT', 1)[1]
    if last then
        stored[#stored + 1] = { KEYS[at], last[1] }
    end
end
return { redis.call('GET', KEYS[1]), received, stored }
