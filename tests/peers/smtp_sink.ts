/** Postfix's smtp-sink(1): a fast next hop that throws mail away, or writes it to a file. */
import { accepts, freePort } from "../wait.ts";
import { peer } from "./peer.ts";
import { Process } from "./process.ts";

/** A running smtp-sink. */
export interface SmtpSink extends AsyncDisposable {
  readonly port: number;
  readonly process: Process;
  /** Messages in the dump file so far; needs `dump`. */
  count(): Promise<number>;
  /** Text of the dump file; needs `dump`. */
  dumped(): Promise<string>;
}

/** First line of each dumped message, so that messages can be told apart and counted. */
const MARK = "X-Sink-Begins: here";

/**
 * Starts smtp-sink on a free port.
 *
 * @param options.dump A folder that any user may write: messages are appended to a file there.
 * @param options.args Further arguments, such as `["-L"]`.
 */
export async function startSmtpSink(
  options: { readonly dump?: string; readonly args?: readonly string[] } = {},
): Promise<SmtpSink> {
  const port = freePort();
  const file = options.dump === undefined ? undefined : `${options.dump}/sink.dump`;
  const process = new Process("smtp-sink", await peer("smtp-sink"), [
    ...(Deno.uid() === 0 ? ["-u", "nobody"] : []),
    ...(file === undefined ? [] : ["-S", `${MARK}\\n`, "-D", file]),
    ...(options.args ?? []),
    `127.0.0.1:${port}`,
    "512",
  ]);
  await process.ready("listens", () => accepts(port));
  const dumped = async () => {
    if (file === undefined) throw new Error("This sink was started without a dump file");
    try {
      return new TextDecoder("latin1").decode(await Deno.readFile(file));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  };
  return {
    port,
    process,
    dumped,
    count: async () => (await dumped()).split(`${MARK}\n`).length - 1,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}
