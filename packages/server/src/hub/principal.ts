/** What somebody is, by their token [S1]. */
export const ROLES = ['driver', 'passenger', 'merchant', 'dispatcher', 'admin', 'service'] as const;
export type Role = (typeof ROLES)[number];

/** Who is asking. Scopes are undefined when the token names none. */
export interface Principal {
  readonly sub: string;
  readonly role: Role;
  readonly trips: ReadonlySet<string> | undefined;
  readonly drivers: ReadonlySet<string> | undefined;
  readonly labels: ReadonlySet<string> | undefined;
  /** Epoch ms; null for a token without an end. */
  readonly expiresAt: number | null;
}
