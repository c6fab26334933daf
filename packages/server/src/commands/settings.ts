import { type Command, Option } from 'commander';
import { type Config, flagOf, KEYS, readConfig } from '../config.ts';

/** Adds a flag for every setting, so that flags, environment and file can never differ. */
export function addSettings(command: Command, only?: readonly string[]): Command {
  command.option('--config <file>', 'JSON file with settings by their names, {"PORT": 8080}');
  for (const { name, help, fallback } of Object.values(KEYS)) {
    if (only !== undefined && !only.includes(name)) continue;
    const shown = fallback === undefined || (Array.isArray(fallback) && fallback.length === 0) ? '' : ` (${String(fallback)})`;
    command.addOption(new Option(`${flagOf(name)} <value>`, `${help}${shown}`));
  }
  return command;
}

/** The settings in force for a command, from its flags, the environment and its file. */
export function settingsOf(command: Command): Config {
  const options = command.opts<Record<string, string | undefined>>();
  const flags = Object.fromEntries(Object.values(KEYS).map(({ name }) => [name, options[camel(name)]]));
  return readConfig({ file: options.config, env: process.env, flags });
}

/** `dataDir` for `DATA_DIR`: how commander names the flag's value. */
function camel(name: string): string {
  return name.toLowerCase().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
