import { type Command, InvalidArgumentError } from 'commander';
import { secretsOf } from '../auth/secret.ts';
import { Tokens } from '../auth/tokens.ts';
import { type Role, roleOf } from '../hub/principal.ts';
import { addSettings, settingsOf } from './settings.ts';

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

interface TokenFlags {
  readonly sub?: string;
  readonly role: Role;
  readonly ttl: number;
  readonly trips?: string[];
  readonly drivers?: string[];
  readonly labels?: string[];
  readonly json?: boolean;
}

export function tokenCommand(program: Command): void {
  const command = program
    .command('token')
    .description("sign a token with this installation's secret")
    .requiredOption('--role <role>', 'driver, passenger, merchant, dispatcher, admin or service', role)
    .option('--sub <id>', 'the subject: for a driver its id (the role)')
    .option('--ttl <time>', 'how long it lives: 90s, 30m, 12h, 7d', duration, 43_200)
    .option('--trips <ids>', 'scope: these trips, separated by commas', list)
    .option('--drivers <ids>', 'scope: these drivers', list)
    .option('--labels <labels>', 'scope: trips with these labels', list)
    .option('--json', '{token, sub, role, expiresAt}');
  addSettings(command, ['DATA_DIR', 'JWT_SECRET_KEY', 'JWT_ALGORITHM', 'JWT_JWKS_URL', 'JWT_ISSUER', 'JWT_AUDIENCE']).action(
    async ({ json, ...wanted }: TokenFlags) => {
      const config = settingsOf(command);
      const tokens = new Tokens({ ...config, secrets: secretsOf(config) });
      const sub = wanted.sub ?? wanted.role;
      const token = await tokens.sign({ ...wanted, sub });
      const expiresAt = new Date(Date.now() + wanted.ttl * 1000).toISOString();
      process.stdout.write(json === true ? `${JSON.stringify({ token, sub, role: wanted.role, expiresAt })}\n` : `${token}\n`);
    },
  );
}

function role(text: string): Role {
  const found = roleOf(text);
  if (found === undefined) throw new InvalidArgumentError('no such role');
  return found;
}

function duration(text: string): number {
  const match = /^(\d+)([smhd])$/.exec(text);
  const unit = match?.[2] === undefined ? undefined : UNITS[match[2]];
  if (match === null || unit === undefined || Number(match[1]) === 0) throw new InvalidArgumentError('a time as 90s, 30m, 12h or 7d');
  return Number(match[1]) * unit;
}

function list(text: string): string[] {
  return text.split(',').map((one) => one.trim());
}
