#!/usr/bin/env node
import { enableCompileCache, flushCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

// Compiling is much of a start; kept beside what npm installed, where only the installer writes.
// The environment tells the store's threads, which look for themselves.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../../../node_modules/.cache/node', import.meta.url));
enableCompileCache(process.env.NODE_COMPILE_CACHE);

await import('./main.ts');
// Not only at the exit: after a power cut the next start has to be a quick one too.
flushCompileCache();
