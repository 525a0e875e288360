/** The daemon's side of a document: reads its files, has it evaluated where it can touch nothing, and ends it in time. */
import { dirname, isAbsolute, relative, resolve } from "node:path";
import { PosternError } from "../../errors.ts";
import { FrameReader, writeFrames } from "../../engine/scanner/frames.ts";
import { boundMemory, confined } from "../confine.ts";
import { processCommand, workerUrl } from "../entries.ts";
import { unprivilegedUser } from "../unprivileged.ts";
import {
  DATA_OCTETS,
  HEAP_MEGABYTES,
  MAX_SOURCE_OCTETS,
  MAX_VALUE_OCTETS,
  MEMORY_OCTETS,
} from "./limits.ts";
import type { FromReader, ToReader } from "./protocol.ts";

/** What files of a document may be named. */
const MODULE_NAME = /\.(?:m?ts|m?js|json)$/;

/**
 * Evaluates a document.
 *
 * @param path The document; absolute or relative to the current directory.
 * @param timeMs How long it may take, ms.
 * @param files Filled with the absolute paths that it is made of, those that could not be read, too; also where it fails.
 * @returns its value: plain data, not checked further.
 * @throws {PosternError} `"document/unreadable"`, `"document/invalid"`, `"document/forbidden"`, `"document/timeout"`; the
 * message names file and place.
 */
export async function evaluateDocument(
  path: string,
  timeMs: number,
  files = new Set<string>(),
): Promise<unknown> {
  const document = resolve(path);
  files.add(document);
  const first = await readSource(document);
  const child = spawn(timeMs);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill(child);
  }, timeMs);
  const words = new Response(child.stderr).text().catch(() => "");
  const stdin = child.stdin.getWriter();
  try {
    const answers = new FrameReader(byteSource(child.stdout));
    const say = async (message: ToReader) => {
      const octets = new TextEncoder().encode(JSON.stringify(message));
      await writeFrames({ write: (part) => stdin.write(part).then(() => part.length) }, octets);
    };
    for (;;) {
      const frame = await answers.read(MAX_VALUE_OCTETS * 2);
      if (!frame) break;
      const message = JSON.parse(new TextDecoder().decode(frame)) as FromReader;
      if (message.type === "value") return parseValue(message.json, document);
      if (message.type === "refused") throw new PosternError(message.code, message.message);
      if (message.type === "ready") {
        await boundMemory(child.pid, MEMORY_OCTETS);
        await say(first);
      } else {
        await say(await imported(document, message.from, message.specifier, files));
      }
    }
  } catch (error) {
    // A pipe that breaks is the process's end, which says more than the pipe does.
    if (error instanceof PosternError && !error.code.startsWith("wire/")) throw error;
  } finally {
    clearTimeout(timer);
    kill(child);
    await stdin.close().catch(() => {});
    await child.status;
  }
  if (late) {
    throw new PosternError(
      "document/timeout",
      `${document}: did not come to an end within ${timeMs} ms; it loops, or waits for something that never comes`,
    );
  }
  const detail = (await words).trim().slice(0, 500);
  if (/out of memory|allocation failed/i.test(detail)) {
    throw new PosternError(
      "document/invalid",
      `${document}: takes more memory than a document may`,
    );
  }
  throw new PosternError(
    "document/invalid",
    `${document}: the process that evaluates it ended without an answer${
      detail ? `: ${detail}` : ""
    }`,
  );
}

function parseValue(json: string, path: string): unknown {
  if (json.length > MAX_VALUE_OCTETS) {
    throw new PosternError(
      "document/invalid",
      `${path}: is larger than ${MAX_VALUE_OCTETS} octets`,
    );
  }
  return JSON.parse(json);
}

/** A file of the document, or why it cannot be one. */
async function imported(
  document: string,
  from: string,
  specifier: string,
  files: Set<string>,
): Promise<ToReader> {
  const refused = (message: string): ToReader => ({
    type: "refused",
    code: "document/forbidden",
    message: `${from}: imports ${JSON.stringify(specifier.slice(0, 200))}, ${message}`,
  });
  if (!/^\.\.?\//.test(specifier)) {
    return refused('but a document may import "postern" and files beside it ("./lists.ts") only');
  }
  const path = resolve(dirname(from), specifier);
  if (!MODULE_NAME.test(path)) {
    return refused("but files of a document are named .ts, .mts, .js, .mjs or .json");
  }
  files.add(path);
  try {
    // By their real paths: a symbolic link does not lead out of the directory.
    const directory = await Deno.realPath(dirname(document));
    const inside = relative(directory, await Deno.realPath(path));
    if (inside.startsWith("..") || isAbsolute(inside)) {
      return refused(`which is not in the document's own directory ${directory}`);
    }
    return await readSource(path);
  } catch (error) {
    const why = unreadable(path, error).message;
    return { type: "refused", code: "document/unreadable", message: `${from}: ${why}` };
  }
}

async function readSource(path: string): Promise<ToReader & { type: "source" }> {
  try {
    const { size, isFile } = await Deno.stat(path);
    if (!isFile) {
      throw new PosternError("document/unreadable", `Cannot read ${path}: it is no file`);
    }
    if (size > MAX_SOURCE_OCTETS) {
      throw new PosternError(
        "document/unreadable",
        `Cannot read ${path}: it is larger than ${MAX_SOURCE_OCTETS} octets`,
      );
    }
    return { type: "source", path, text: await Deno.readTextFile(path) };
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): PosternError {
  if (cause instanceof PosternError) return cause;
  const why = cause instanceof Deno.errors.NotFound
    ? "there is no such file"
    : cause instanceof Deno.errors.PermissionDenied
    ? "permission denied"
    : String(cause);
  return new PosternError("document/unreadable", `Cannot read ${path}: ${why}`, { cause });
}

function spawn(timeMs: number): Deno.ChildProcess {
  const worker = workerUrl("document_worker");
  const flags = [
    // Its worker's own modules; the worker itself may read nothing.
    ...(worker.protocol === "file:" ? [`--allow-read=${new URL("./", worker).pathname}`] : []),
    `--v8-flags=--max-old-space-size=${HEAP_MEGABYTES},--disallow-code-generation-from-strings`,
  ];
  const user = unprivilegedUser();
  const { command: [program, ...args] } = confined(
    processCommand("document", flags, [worker.href]),
    {
      cpuSeconds: Math.ceil(timeMs / 1000) + 5,
      dataOctets: DATA_OCTETS,
      parentDeathSignal: "KILL",
      ...(user ? { user } : {}),
    },
  );
  const env: Record<string, string> = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
  for (const name of ["HOME", "DENO_DIR", "XDG_CACHE_HOME"]) {
    const value = Deno.env.get(name);
    if (value !== undefined) env[name] = value;
  }
  return new Deno.Command(program, {
    args,
    env,
    clearEnv: true,
    cwd: "/",
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Reads of a byte stream into the caller's buffer. */
function byteSource(stream: ReadableStream<Uint8Array>) {
  const reader = stream.getReader();
  let left: Uint8Array = new Uint8Array();
  return {
    async read(into: Uint8Array): Promise<number | null> {
      if (left.length === 0) {
        const { value, done } = await reader.read();
        if (done) return null;
        left = value;
      }
      const count = Math.min(left.length, into.length);
      into.set(left.subarray(0, count));
      left = left.subarray(count);
      return count;
    },
  };
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It is gone already.
  }
}
