const AUTHORITY = 'name the authority that signed it by NODE_EXTRA_CA_CERTS=file.pem';
const RIGHTS = 'all commands, and keys and channels of any name, are needed: ACL SETUSER ... allcommands allkeys allchannels';

/** What trying again does not mend, and what to do about it. */
const FINAL: readonly (readonly [RegExp, (problem: string) => string])[] = [
  [/NOAUTH/, () => 'Redis wants a password; set REDIS_PASSWORD, or write it into the URL'],
  [/WRONGPASS|invalid password|AUTH/, () => 'Redis refuses the user or the password; correct REDIS_PASSWORD, or the URL'],
  [/NOPERM/, (problem) => `the user of Redis lacks rights; ${RIGHTS} (${problem})`],
  [/DB index/, () => 'Redis has no database of this number; correct the end of the URL'],
  [/altnames/, (problem) => `the certificate of Redis is for another name; correct the host in the URL (${problem})`],
  [/certificate required/, () => 'Redis wants a certificate of its clients, and Waycast has none; set tls-auth-clients no'],
  [/certificate|issuer/, (problem) => `the certificate of Redis is not trusted; ${AUTHORITY} (${problem})`],
];

/** Whether no patience helps. */
export function isFinal(problem: string): boolean {
  return FINAL.some(([pattern]) => pattern.test(problem));
}

/** One line that says why Redis cannot be had and what to do [P12]. */
export function whyNot(problem: string, tls: boolean): string {
  const final = FINAL.find(([pattern]) => pattern.test(problem));
  if (final !== undefined) return `REDIS_URL: ${final[1](problem)}`;
  if (/is a replica/.test(problem)) return `REDIS_URL leads to a replica; name its master (${problem})`;
  const hint = tls ? ', or write redis:// if it has no TLS' : /ECONNRESET/.test(problem) ? ', or write rediss:// if it has TLS' : '';
  return `REDIS_URL: Redis cannot be reached; start it, or correct the address${hint} (${problem})`;
}
