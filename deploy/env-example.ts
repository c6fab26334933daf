import { writeFileSync } from 'node:fs';
import { KEYS } from '../packages/server/src/config.ts';

/**
 * What the compose files ask of `.env` beside the server's own settings. None may begin with WAYCAST_: it reaches the server
 * too, which knows no such setting and would not start.
 */
export const COMPOSE_KEYS = {
  SERVER_IMAGE: { fallback: 'waycast:latest', help: 'the image to run; it is built from this folder where there is none' },
  POSTGRES_PASSWORD: {
    fallback: '',
    help: 'of the database; letters and digits, since it becomes part of an address: openssl rand -hex 24',
  },
  EDGE_NETWORK: { fallback: '10.213.57', help: 'the first three numbers of the network that nginx and the servers share' },
  GRAFANA_PASSWORD: { fallback: '', help: 'of the user admin in Grafana, with monitoring.yaml' },
  TLS_FOLDER: { fallback: '', help: 'where fullchain.pem and privkey.pem are, with tls.yaml' },
} as const;

const INTRO = `# Every setting of Waycast, with its default. Made from packages/server/src/config.ts by "npm run env-example": do not edit.
# Copy it to .env and take the # away from what you change: as it stands it changes nothing. It serves deploy/compose,
# systemd (EnvironmentFile) and "set -a; . ./.env; set +a". Each name also counts with WAYCAST_ before it.
`;

const COMPOSE_INTRO = `# For the files in deploy/compose alone; the server does not look at these. deploy/compose/production.yaml
# needs POSTGRES_PASSWORD, and of the settings above REDIS_PASSWORD and JWT_SECRET_KEY.
`;

/** The text of `.env.example`. */
export function envExample(): string {
  const settings = Object.values(KEYS).map(({ name, help, fallback, ...more }) => {
    const aliases = 'aliases' in more && more.aliases !== undefined ? `; also ${more.aliases.join(', ')}` : '';
    return entry(name, help + aliases, fallback === undefined ? '' : String(fallback));
  });
  const compose = Object.entries(COMPOSE_KEYS).map(([name, { help, fallback }]) => entry(name, help, fallback));
  return [INTRO, ...settings, COMPOSE_INTRO, ...compose].join('\n');
}

function entry(name: string, help: string, value: string): string {
  return `# ${help}\n# ${name}=${value}\n`;
}

if (import.meta.main) writeFileSync(new URL('../.env.example', import.meta.url), envExample());
