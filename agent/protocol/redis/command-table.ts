// SPDX-License-Identifier: Apache-2.0

/**
 * Which arguments of a command are keys, and which commands have subcommands. The oracle test compares this table with what
 * a server says of itself (COMMAND).
 *
 * Shape    first, last and step of the keys, the command's name being 0; a last below 0 counts from the end
 */
export interface KeyPositions {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

const words = (text: string): string[] => text.trim().split(/\s+/);

/** Commands of several commands: what is done is said by the second word. */
export const CONTAINERS: ReadonlySet<string> = new Set(
  words(`acl client cluster command config function latency memory module object pubsub script slowlog xgroup xinfo
    sentinel debug`),
);

const FIRST =
  words(`append bitcount bitfield bitfield_ro bitpos decr decrby dump expire expireat expiretime geoadd geodist
  geohash geopos georadius georadius_ro georadiusbymember georadiusbymember_ro geosearch get getbit getdel getex getrange
  getset hdel hexists hget hgetall hincrby hincrbyfloat hkeys hlen hmget hmset hrandfield hscan hset hsetnx hstrlen hvals
  incr incrby incrbyfloat lindex linsert llen lpop lpos lpush lpushx lrange lrem lset ltrim move persist pexpire pexpireat
  pexpiretime pfadd psetex pttl restore restore-asking rpop rpush rpushx sadd scard set setbit setex setnx setrange
  sismember smembers smismember sort sort_ro spop spublish srandmember srem sscan strlen substr ttl type xack xadd
  xautoclaim xclaim xdel xlen xpending xrange xrevrange xsetid xtrim zadd zcard zcount zdiffstore zincrby zinterstore
  zlexcount zmscore zpopmax zpopmin zrandmember zrange zrangebylex zrangebyscore zrank zrem zremrangebylex zremrangebyrank
  zremrangebyscore zrevrange zrevrangebylex zrevrangebyscore zrevrank zscan zscore zunionstore`);
const ALL = words(`del exists mget pfcount pfmerge sdiff sdiffstore sinter sinterstore ssubscribe sunion sunionstore
  sunsubscribe touch unlink watch`);
const TWO = words('blmove brpoplpush copy geosearchstore lcs lmove rename renamenx rpoplpush smove zrangestore');
const BUT_LAST = words('blpop brpop bzpopmax bzpopmin');
const SECOND = words(`object|encoding object|freq object|idletime object|refcount memory|usage pfdebug xgroup|create
  xgroup|createconsumer xgroup|delconsumer xgroup|destroy xgroup|setid xinfo|consumers xinfo|groups xinfo|stream`);

const at = (first: number, last: number, step: number, names: readonly string[]): [string, KeyPositions][] =>
  names.map((name) => [name, { first, last, step }]);

export const KEY_POSITIONS: ReadonlyMap<string, KeyPositions> = new Map([
  ...at(1, 1, 1, FIRST),
  ...at(1, -1, 1, ALL),
  ...at(1, 2, 1, TWO),
  ...at(1, -2, 1, BUT_LAST),
  ...at(2, 2, 1, SECOND),
  ...at(1, -1, 2, ['mset', 'msetnx']),
  ...at(2, -1, 1, ['bitop']),
  ...at(3, 3, 1, ['migrate']),
]);

/** Where the number of keys stands that follow it. */
const COUNTED: ReadonlyMap<string, number> = new Map([
  ...words('eval evalsha eval_ro evalsha_ro fcall fcall_ro blmpop bzmpop').map((name) => [name, 2] as const),
  ...words('lmpop sintercard zdiff zinter zintercard zmpop zunion').map((name) => [name, 1] as const),
]);
/** Of these, the keys behind the one that the result goes to. */
const COUNTED_STORE: ReadonlySet<string> = new Set(words('zdiffstore zinterstore zunionstore'));

/** Their first argument is no name of anything. */
const NAMELESS: ReadonlySet<string> = new Set(
  words(`auth hello scan ping echo select swapdb flushall flushdb wait waitaof quit reset monitor multi exec discard unwatch
    shutdown info lolwut save bgsave bgrewriteaof dbsize role time lastsave randomkey asking readonly readwrite failover
    replicaof slaveof psync sync replconf pfselftest`),
);

/** Keys, at most this many; the statement has all. */
const NAMES_MAX = 100;

/**
 * What a command touches.
 *
 * `args` begin with the command's name; `name` is that in lower case, with a `|` before the subcommand.
 */
export function namesOf<T>(name: string, args: readonly T[], textOf: (arg: T) => string): T[] {
  const positions = KEY_POSITIONS.get(name);
  const names: T[] = [];
  const take = (first: number, last: number, step: number): void => {
    for (let i = first; i <= last && i < args.length && names.length < NAMES_MAX; i += step) names.push(args[i] as T);
  };
  if (positions !== undefined) {
    const { first, last, step } = positions;
    take(first, last < 0 ? args.length + last : last, step);
  }
  const counted = COUNTED_STORE.has(name) ? 2 : COUNTED.get(name);
  if (counted !== undefined) {
    const count = Number(args[counted] === undefined ? 0 : textOf(args[counted] as T));
    if (Number.isInteger(count) && count > 0) take(counted + 1, counted + count, 1);
  } else if (name === 'xread' || name === 'xreadgroup') {
    const streams = args.findIndex((arg, i) => i > 0 && textOf(arg).toLowerCase() === 'streams');
    if (streams > 0) take(streams + 1, streams + Math.floor((args.length - streams - 1) / 2), 1);
  } else if (name === 'migrate') {
    const keys = args.findIndex((arg, i) => i > 5 && textOf(arg).toLowerCase() === 'keys');
    if (keys > 0) take(keys + 1, args.length - 1, 1);
  } else if (name === 'subscribe' || name === 'psubscribe' || name === 'unsubscribe' || name === 'punsubscribe') {
    take(1, args.length - 1, 1);
  } else if (name === 'config|set') {
    take(2, args.length - 1, 2);
  } else if (positions === undefined && !NAMELESS.has(name)) {
    const first = name.includes('|') ? 2 : 1;
    take(first, first, 1);
  }
  return names;
}
