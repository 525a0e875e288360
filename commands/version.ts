/** `postern version`: what is running here. */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import project from "../deno.json" with { type: "json" };
import { type Command, defineCommand, jsonOption } from "./command.ts";
import { print, printJson } from "./output.ts";

/** Postern's version, as in deno.json. */
export const VERSION: string = project.version;

/** Prints name and version as `--version` does; resolves with the exit status. */
export function printVersion(): number {
  print(`postern ${VERSION}\n`);
  return 0;
}

/** `postern version`. */
export const version: Command = defineCommand(
  "version",
  { brief: message`Print the version, and with --json those of the runtime` },
  object({ json: jsonOption() }),
  ({ json }) => {
    if (!json) return Promise.resolve(printVersion());
    const { deno, v8, typescript } = Deno.version;
    const { target, standalone } = Deno.build;
    printJson({ postern: VERSION, deno, v8, typescript, target, singleBinary: standalone });
    return Promise.resolve(0);
  },
);
