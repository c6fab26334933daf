import { type Command, Option } from 'commander';
import { type Config, type ConfigSources, flagOf, KEYS, readConfig, type Survey, surveyConfig } from '../config.ts';

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
  return readConfig(sourcesOf(command));
}

/** The same, with where each came from, also where something is wrong with them. */
export function surveyOf(command: Command): Survey {
  return surveyConfig(sourcesOf(command));
}

function sourcesOf(command: Command): ConfigSources {
  const options = command.opts<Record<string, string | undefined>>();
  const flags = Object.fromEntries(Object.values(KEYS).map(({ name }) => [name, options[camel(name)]]));
  return { file: options.config, env: process.env, flags };
}

/** `dataDir` for `DATA_DIR`: how commander names the flag's value. */
function camel(name: string): string {
  return name.toLowerCase().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
