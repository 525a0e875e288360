/** The grammar of the whole command line: the sub-commands, help, completion, and what a wrong line gets. */
import { or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import type { Parser } from "@optique/core/parser";
import { run } from "@optique/run/run";
import { type Command, EXIT, failureStatus, type Task } from "./command.ts";
import { complain, print } from "./output.ts";
import { printVersion, VERSION } from "./version.ts";

/** Ends the parse with an exit status: help was printed, or the line was wrong. */
class Exit extends Error {
  readonly status: number;
  constructor(status: number) {
    super("exit");
    this.status = status;
  }
}

/** What a wrong line gives. */
export function usageStatus(command: string): number {
  return failureStatus(command) ?? EXIT.usage;
}

function alternatives(commands: readonly Command[]): Parser<"sync", Task, unknown> {
  const [first, ...rest] = commands.map((each) => each.parser);
  if (first === undefined) throw new TypeError("no commands");
  return rest.reduce((all, next) => or(all, next), first);
}

/**
 * Parses a command line.
 *
 * @param commands The sub-commands that may come.
 * @param args As given to the program.
 * @returns What to do; or an exit status, with help or the error printed.
 */
export function parse(commands: readonly Command[], args: readonly string[]): Task | number {
  if (args.length === 1 && args[0] === "--version") return printVersion();
  const known = commands.some((each) => each.name === args[0]) ? [args[0] ?? ""] : [];
  try {
    return run(alternatives(commands), {
      programName: "postern",
      args: args.length === 0 ? ["--help"] : args,
      brief: message`A mail security gateway: one engine, one policy, every gate that mail passes.`,
      help: "both",
      version: { value: `postern ${VERSION}`, option: true },
      completion: "command",
      commandList: "top-level",
      usageLine: () => [
        { type: "argument", metavar: "COMMAND" },
        { type: "ellipsis" },
      ],
      aboveError: "none",
      termWidth: "auto",
      showDefault: { prefix: " (default: ", suffix: ")" },
      showChoices: { prefix: " (", suffix: ")", label: "" },
      errorExitCode: usageStatus(args[0] ?? ""),
      stdout: (text) => print(text + "\n"),
      stderr: (text) => complain(text.replace(/^Error: /, `${["postern", ...known].join(" ")}: `)),
      onExit: (status) => {
        if (status !== 0) complain(`See ${["postern", ...known].join(" ")} --help`);
        throw new Exit(status);
      },
    });
  } catch (error) {
    if (error instanceof Exit) return error.status;
    throw error;
  }
}
