/** SCAN, CONTSCAN, MULTISCAN and ALLMATCHSCAN: files and directories by their paths. */
import { describe } from "../describe.ts";
import { Reservation } from "../session_books.ts";
import type { PathCommand } from "./command.ts";
import type { ClamdContext, ClamdSettings } from "./context.ts";
import {
  type Directories,
  findPlace,
  PathRefusal,
  readFile,
  realDirectories,
  walk,
  type Walked,
} from "./files.ts";
import { type Answer, judge } from "./judge.ts";
import { answerLine, answerLines, shownPath } from "./replies.ts";

/** What is asked. */
export interface PathQuestion {
  readonly name: PathCommand;
  readonly path: string;
}

/** One file's name and what is said of it. */
interface Said {
  readonly path: string;
  readonly answer: Answer;
}

/**
 * Scans what lies at a path. SCAN ends at the first file in which something is found, the others go on; MULTISCAN scans several at
 * once; ALLMATCHSCAN says every name.
 *
 * @returns Lines without their ends: one for a file; for a directory those for which there is more to say than OK, and one OK for
 * all where there is none.
 */
export async function* scanPath(
  context: ClamdContext,
  settings: ClamdSettings,
  { name, path }: PathQuestion,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const directories = await realDirectories(settings.directories);
  const shown = shownPath(path);
  let place;
  try {
    place = await findPlace(path, directories);
  } catch (error) {
    if (!(error instanceof PathRefusal)) throw error;
    return yield `${shown}: ${error.message} ERROR`;
  }
  const linesOf = ({ path, answer }: Said) =>
    (name === "ALLMATCHSCAN" ? answerLines(answer) : [answerLine(answer)])
      .map((line) => `${shownPath(path)}: ${line}`);
  const scan = (walked: Walked) => scanWalked(context, settings, directories, walked, signal);
  if (place.kind === "other") return yield `${shown}: Not supported file type ERROR`;
  if (place.kind === "file") return yield* linesOf(await scan({ path, place }));
  const limits = { files: settings.files, depth: settings.depth };
  const parallel = name === "MULTISCAN" ? settings.parallel : 1;
  let clean = true;
  for await (const said of several(walk(path, place, limits), parallel, scan)) {
    if (said.answer.kind === "ok") continue;
    clean = false;
    yield* linesOf(said);
    if (name === "SCAN" && said.answer.kind === "found") return;
  }
  if (clean) yield `${shown}: OK`;
}

/** Runs up to `parallel` at once; results come as they are done. */
async function* several(
  walked: AsyncGenerator<Walked>,
  parallel: number,
  scan: (walked: Walked) => Promise<Said>,
): AsyncGenerator<Said> {
  const running = new Map<number, Promise<readonly [number, Said]>>();
  let next = 0;
  try {
    for await (const each of walked) {
      const id = next++;
      running.set(id, scan(each).then((said) => [id, said] as const));
      if (running.size < parallel) continue;
      const [done, said] = await Promise.race(running.values());
      running.delete(done);
      yield said;
    }
    while (running.size > 0) {
      const [done, said] = await Promise.race(running.values());
      running.delete(done);
      yield said;
    }
  } finally {
    await Promise.allSettled(running.values());
  }
}

async function scanWalked(
  context: ClamdContext,
  settings: ClamdSettings,
  directories: Directories,
  walked: Walked,
  signal: AbortSignal,
): Promise<Said> {
  const { path } = walked;
  const error = (reason: string): Said => ({ path, answer: { kind: "error", reason } });
  if (signal.aborted) return error("Not scanned: cancelled");
  if ("refused" in walked) return error(walked.refused);
  const held = new Reservation(context.ports);
  context.active++;
  try {
    const octets = await readFile(walked.place, directories, settings.streamSize, held);
    if (octets === undefined) return error("Not scanned: size");
    return { path, answer: await judge(context, settings, octets, "", signal) };
  } catch (cause) {
    if (cause instanceof PathRefusal) return error(cause.message);
    if (signal.aborted) return error("Not scanned: cancelled");
    context.ports.log("error", "Cannot scan a file", {
      listener: settings.listener,
      path: shownPath(path),
      error: describe(cause),
    });
    return error("Not scanned: failed");
  } finally {
    context.active--;
    held.release();
  }
}
