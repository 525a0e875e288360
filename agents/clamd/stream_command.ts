import { describe } from "../describe.ts";
import type { IncomingObject } from "../incoming_object.ts";
import type { ClamdContext, ClamdSettings } from "./context.ts";
import { judge } from "./judge.ts";
import { answerLine } from "./replies.ts";

/**
 * Asks about the object of one INSTREAM.
 *
 * @param client Its address; `""` on a socket in the file system.
 * @returns `OK`, `NAME FOUND`, `REASON ERROR`.
 * @throws {PosternError} `scan/cancelled` when the signal was aborted.
 */
export async function answerStream(
  context: ClamdContext,
  settings: ClamdSettings,
  object: IncomingObject,
  client: string,
  signal: AbortSignal,
): Promise<string> {
  if (object.noRoom) return "Not scanned: busy ERROR";
  context.active++;
  try {
    return answerLine(await judge(context, settings, object.octets(), client, signal));
  } catch (error) {
    if (signal.aborted) throw error;
    context.ports.log("error", "Cannot scan an object", {
      listener: settings.listener,
      error: describe(error),
    });
    return "Not scanned: failed ERROR";
  } finally {
    context.active--;
    object.release();
  }
}
