/** What a sub-command is, and the options that several of them share. */
import type { Message } from "@optique/core/message";
import { message } from "@optique/core/message";
import { map, optional, withDefault } from "@optique/core/modifiers";
import type { Parser } from "@optique/core/parser";
import { command, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { timeValue } from "./values.ts";

/** A parsed command line: what is left to do. Resolves with the exit status. */
export type Task = () => Promise<number>;

/** One sub-command: its file in commands/ exports one of these, and main.ts lists it. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly brief: Message;
  /** The whole grammar, the command's own name included. */
  readonly parser: Parser<"sync", Task, unknown>;
}

/**
 * Makes a sub-command of the grammar of its options and of what it does with them.
 *
 * @param name As typed.
 * @param texts `brief` for the list of commands, `description` for its own page, `footer` for what follows its options.
 * @param options Grammar behind the name.
 * @param run Does it and resolves with the exit status.
 */
export function defineCommand<T>(
  name: string,
  texts: {
    readonly brief: Message;
    readonly description?: Message;
    readonly footer?: Message;
  },
  options: Parser<"sync", T, unknown>,
  run: (options: T) => Promise<number>,
): Command {
  const parser = command(name, map(options, (value): Task => () => run(value)), texts);
  return { name, brief: texts.brief, parser };
}

/** `--config FILE`, the node's document. */
export const configOption = () =>
  optional(option("-c", "--config", string({ metavar: "FILE" }), {
    description: message`The node's configuration document; without it the first that exists of
$POSTERN_CONFIG, ./postern.config.ts, /etc/postern/postern.config.ts`,
  }));

/** `--socket PATH`, the running daemon's. */
export const socketOption = () =>
  optional(option("-s", "--socket", string({ metavar: "PATH" }), {
    description: message`The running daemon's control socket; without it that of the configuration`,
  }));

/** What programs that mail servers start ask of the daemon; it is waited for longer than a scan takes, shorter than they wait. */
export const toolsOptions = () => ({
  config: configOption(),
  socket: socketOption(),
  maxTime: withDefault(
    option("--max-time", timeValue(), {
      description: message`How long the daemon may take to answer; later the message is deferred`,
    }),
    5 * 60_000,
  ),
});

/** `--json`: one JSON value instead of text. */
export const jsonOption = () =>
  option("--json", { description: message`Print JSON instead of text` });

/** Exit statuses outside of `scan` and `pipe`; sysexits.h where it has one. */
export const EXIT = {
  ok: 0,
  /** The command ran, and what it checked or was asked for is not so. */
  failed: 1,
  usage: 64,
  data: 65,
  noInput: 66,
  unavailable: 69,
  internal: 70,
  temporary: 75,
  refused: 77,
  config: 78,
} as const;

/** What every failure gives in commands that mail servers call, wrong usage too: other statuses are words to their callers. */
const FAILURES: Readonly<Record<string, number>> = {
  scan: 1,
  "esets-cli": 1,
  pipe: EXIT.temporary,
  mda: EXIT.temporary,
  "qmail-queue": 81, // qmail-queue(8): internal bug, temporary
};

/** The status of a failure of this command; `undefined` where failures have several. */
export function failureStatus(command: string): number | undefined {
  return Object.hasOwn(FAILURES, command) ? FAILURES[command] : undefined;
}
