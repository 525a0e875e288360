/** The log: lines about mail and about Postern itself, to stderr, files and syslog. */
import { LOG_LEVELS } from "../../agents/ports.ts";
import type { LogLevel, MessageRecord } from "../../agents/ports.ts";
import type { Config } from "../../policy/config.ts";
import { safeJson } from "./escape.ts";
import type { LogEvent } from "./format.ts";
import { jsonLine, messageEvent, plainEvent, textLine } from "./format.ts";
import { LINE_OCTETS } from "./limits.ts";
import type { FormatLine } from "./outputs.ts";
import { FileOutput, stderrOutput, SyslogOutput } from "./outputs.ts";
import type { Output } from "./sink.ts";
import { Sink } from "./sink.ts";

/** Where syslog listens when the configuration names no socket. */
export const SYSLOG_SOCKET = "/dev/log";

/** A running log. Nothing of it throws but {@link createLog}. */
export interface Log {
  /** Says something; below the level of the configuration it is nothing. */
  log(
    level: LogLevel,
    message: string,
    fields?: Readonly<Record<string, string | number | boolean>>,
  ): void;
  /** The one line of a message, at level info. */
  message(record: MessageRecord): void;
  /** Takes a new level into force, as after a reload; another format or place needs a new log. */
  setLevel(level: LogLevel): void;
  /** Opens files anew, after they were renamed (SIGHUP). */
  reopen(): Promise<void>;
  /** Lines given up since the start, by place. */
  dropped(): Readonly<Record<string, number>>;
  /** Resolves when what was said is written, or cannot be. */
  drain(): Promise<void>;
  /** Writes what waits, 2 s at most, and closes. */
  close(): Promise<void>;
}

/**
 * Opens the log of a configuration.
 *
 * @param config `to`: `stderr`, `file:PATH`, `syslog`, `syslog:/SOCKET`. A syslog socket that is not there (yet) is no error.
 * @throws {PosternError} `log/failed` where a file cannot be opened.
 */
export async function createLog(config: Config["log"]): Promise<Log> {
  const format: FormatLine = config.format === "json" ? jsonLine : textLine;
  const outputs = new Map<string, Output>();
  for (const to of config.to) {
    if (outputs.has(to)) continue;
    outputs.set(to, await openOutput(to, config, format));
  }
  const sinks = new Map<string, Sink>();
  for (const [to, output] of outputs) {
    sinks.set(to, new Sink(output, (error) => reportFailure(to, error, format)));
  }
  return new SinkLog(config.level, sinks);
}

async function openOutput(
  to: string,
  config: Config["log"],
  format: FormatLine,
): Promise<Output> {
  if (to === "stderr") return stderrOutput(format);
  const colon = to.indexOf(":");
  const path = colon < 0 ? "" : to.slice(colon + 1);
  if (to.startsWith("syslog")) {
    return new SyslogOutput(path || SYSLOG_SOCKET, config.facility, format);
  }
  const file = new FileOutput(path, format);
  await file.open();
  return file;
}

/** A place that cannot be written is told to standard error, once until it works again: there is nobody else. */
function reportFailure(to: string, error: unknown, format: FormatLine): void {
  if (to === "stderr") return;
  const event = plainEvent("error", Date.now(), "Cannot write the log", {
    to,
    error: error instanceof Error ? error.message : safeJson(error),
  });
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(format(event, LINE_OCTETS) + "\n"));
  } catch {
    // Not even that: mail goes on.
  }
}

class SinkLog implements Log {
  readonly #sinks: ReadonlyMap<string, Sink>;
  #least: number;

  constructor(level: LogLevel, sinks: ReadonlyMap<string, Sink>) {
    this.#sinks = sinks;
    this.#least = LOG_LEVELS.indexOf(level);
  }

  #take(level: LogLevel, event: () => LogEvent): void {
    if (LOG_LEVELS.indexOf(level) < this.#least) return;
    const made = event();
    for (const sink of this.#sinks.values()) sink.take(made);
  }

  log(
    level: LogLevel,
    message: string,
    fields?: Readonly<Record<string, string | number | boolean>>,
  ): void {
    this.#take(level, () => plainEvent(level, Date.now(), message, fields));
  }

  message(record: MessageRecord): void {
    this.#take("info", () => messageEvent(record));
  }

  setLevel(level: LogLevel): void {
    this.#least = LOG_LEVELS.indexOf(level);
  }

  async reopen(): Promise<void> {
    await Promise.all([...this.#sinks.values()].map((sink) => sink.reopen()));
  }

  dropped(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#sinks].map(([to, sink]) => [to, sink.dropped]));
  }

  async drain(): Promise<void> {
    await Promise.all([...this.#sinks.values()].map((sink) => sink.drain()));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sinks.values()].map((sink) => sink.close()));
  }
}
