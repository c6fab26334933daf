// `npm start`: sets up what is missing, then runs the server (or any other command: `npm start -- token --role admin`).
import { spawn } from 'node:child_process';
import { buildServer, CLI } from './build-server.mjs';
import { buildDashboard, install, runtime, V8_OPTIONS } from './setup.mjs';

install();
const node = runtime();
const args = process.argv.slice(2);
// Settings alone are the server's; a word at the front is a command, known or not.
const command = args[0] === undefined || args[0].startsWith('-') ? ['serve', ...args] : args;
buildServer(node);
if (command[0] === 'serve') buildDashboard(node);
const child = spawn(node, [...V8_OPTIONS, CLI, ...command], { stdio: 'inherit' });
// The server decides when it is done; this process only waits for it.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
