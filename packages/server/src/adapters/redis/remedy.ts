/** What an operator does about it when Redis refuses, by the word its refusal begins with. */
const REMEDIES: Readonly<Record<string, string>> = {
  OOM: 'it is full: give it more memory (maxmemory), or look what fills it',
  MISCONF: 'it cannot write to its disk: make room there, and see its own log',
  READONLY: 'it is a replica: REDIS_URL has to lead to the master',
  NOREPLICAS: 'too few replicas follow it (min-replicas-to-write): bring them back',
  NOPERM: 'its user lacks rights: all commands, keys and channels are needed (ACL SETUSER ... allcommands allkeys allchannels)',
  NOAUTH: 'it wants a password: set REDIS_PASSWORD',
  BUSY: 'a script of somebody else holds it up: see SCRIPT KILL',
  LOADING: 'it still reads its data from disk: wait',
  WRONGTYPE: 'somebody else uses a key of ours: give Waycast a database, or a Redis, of its own',
  CLUSTERDOWN: 'the Cluster has not all of its slots: bring its nodes back',
};

/** The word that names a refusal. */
export function refusalCode(refusal: Error): string {
  return /^[A-Z]+/.exec(refusal.message)?.[0] ?? 'ERR';
}

/** Why Redis refuses and what to do, as the end of a sentence. */
export function remedyFor(refusal: Error): string {
  return REMEDIES[refusalCode(refusal)] ?? `it says: ${refusal.message}`;
}
