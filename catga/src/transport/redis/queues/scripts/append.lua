#!lua
-- Appends entries in their order, unless they were appended before. Refused as a whole when the
-- server is out of memory.
-- KEYS: the stream, its writers, the latest ids from chance, those before them, then a mark for
-- each entry whose id was given.
-- ARGV: the writer, for how long ids are known, how many of those from chance at least, the number
-- of entries; for each of them its number (of a fixed width), whether its id was given, the id as
-- it is kept, how many values follow, and its fields.
-- Answers which of the entries, counted from 0, had been appended before.
local stream, writers, latest, before = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local known = redis.call('HGET', writers, ARGV[1])
local last = known and string.match(known, '^%d+') or ''
local repeated, from_chance, id, mark, at = {}, {}, nil, 5, 5
for entry = 1, tonumber(ARGV[4]) do
    local number, given, kept, values = ARGV[at], ARGV[at + 1] == '1', ARGV[at + 2], tonumber(ARGV[at + 3])
    local is_new = number > last
    if is_new then
        last = number
        if given then
            is_new = redis.call('EXISTS', KEYS[mark]) == 0
                and redis.call('SISMEMBER', latest, kept) == 0
                and redis.call('SISMEMBER', before, kept) == 0
        end
    end
    if is_new then
        id = redis.call('XADD', stream, '*', unpack(ARGV, at + 4, at + 3 + values))
        if given then
            redis.call('SET', KEYS[mark], id, 'PX', ARGV[2])
        else
            from_chance[#from_chance + 1] = kept
        end
    else
        repeated[#repeated + 1] = entry - 1
    end
    if given then
        mark = mark + 1
    end
    at = at + 4 + values
end
if #from_chance > 0 then
    redis.call('SADD', latest, unpack(from_chance))
    redis.call('PEXPIRE', latest, ARGV[2])
    if redis.call('SCARD', latest) >= tonumber(ARGV[3]) then
        redis.call('RENAME', latest, before)
    end
end
-- Where the clock fell back, ids count on within one millisecond. The next one begins before the
-- count is too large for a sequence.
local millisecond, count = string.match(id or '', '^(%d+)%-(%d+)$')
if count and tonumber(count) >= 2097152 then
    redis.call('XSETID', stream, string.format('%.0f-0', tonumber(millisecond) + 1))
end
local now = tonumber(redis.call('TIME')[1])
if redis.call('HSET', writers, ARGV[1], last .. ' ' .. now) == 1 then
    -- A new writer. Those that have been quiet for ten minutes do not repeat anything any more.
    local all = redis.call('HGETALL', writers)
    for field = 1, #all, 2 do
        local time = tonumber(string.match(all[field + 1], ' (%d+)$'))
        if time and time < now - 600 then
            redis.call('HDEL', writers, all[field])
        end
    end
end
return repeated
