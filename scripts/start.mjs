// `npm start`: sets up what is missing, then runs the server (or any other command: `npm start -- token --role admin`).
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { buildDashboard, install, ROOT, runtime, V8_OPTIONS } from './setup.mjs';

const COMMANDS = ['serve', 'demo', 'replay', 'token', 'help'];

install();
const node = runtime();
const args = process.argv.slice(2);
const command = COMMANDS.includes(args[0]) ? args : ['serve', ...args];
if (command[0] === 'serve') buildDashboard(node);
const child = spawn(node, [...V8_OPTIONS, join(ROOT, 'packages', 'server', 'src', 'cli.ts'), ...command], { stdio: 'inherit' });
// The server decides when it is done; this process only waits for it.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
