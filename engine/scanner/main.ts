/**
 * The scanner process. It starts the worker that will read mail (permissions "none"), connects to the pool's private socket,
 * gives up every permission it has, and only then says hello. From then on it carries octets between socket and worker; when
 * the socket closes, it ends, whatever the worker is doing.
 */
import { FrameReader, writeFrames } from "./frames.ts";
import { MAX_HEAD_OCTETS, MAX_OBJECT_OCTETS } from "./limits.ts";
import { sevenZipUrl } from "../unpack/foreign/load.ts";
import { readModules } from "./module_files.ts";
import type { ScanMessage, ScannerHello, ToolsMessage, WorkerState } from "./protocol.ts";

/** Everything a Deno process may have. */
const PERMISSIONS = ["run", "ffi", "env", "sys", "net", "write", "read", "import"];

/** Exit status after a failure of its own; any other end is a crash, too. */
const EXIT_FAILED = 70;

/**
 * Runs until the pool closes the socket, then ends the process.
 *
 * @param socket Path of the pool's listening socket.
 * @param workerUrl The scanning worker's module.
 * @param modules Signature modules to load, in JSON: what {@link readModules} takes.
 */
export async function runScanner(
  socket: string,
  workerUrl: string,
  modules: string,
): Promise<never> {
  // Ctrl-C in a terminal goes to the whole group; the pool decides when its scanners end.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {});
  }
  const worker = await startWorker(workerUrl, toolsFor(modules));
  const connection = await Deno.connect({ transport: "unix", path: socket });
  const hello: ScannerHello = { hello: true, kept: giveUpPermissions() };
  await writeFrames(connection, new TextEncoder().encode(JSON.stringify(hello)));

  worker.onmessage = async (event: MessageEvent<ScanMessage>) => {
    const { head, octets } = event.data;
    try {
      if (octets) await writeFrames(connection, head, octets);
      else await writeFrames(connection, head);
    } catch {
      Deno.exit(0); // the pool is gone
    }
  };
  const reader = new FrameReader(connection);
  try {
    for (;;) {
      const head = await reader.read(MAX_HEAD_OCTETS);
      const octets = head && await reader.read(MAX_OBJECT_OCTETS);
      if (!octets) break;
      const message: ScanMessage = { head, octets };
      worker.postMessage(message, [head.buffer as ArrayBuffer, octets.buffer as ArrayBuffer]);
    }
  } catch {
    Deno.exit(EXIT_FAILED);
  }
  Deno.exit(0);
}

/** What the worker needs and may not read itself; a damaged module ends the process, with the reason as its last words. */
function toolsFor(modules: string): ToolsMessage {
  try {
    // The worker compiles it when a container needs it: most scanners never do.
    return { sevenZip: Deno.readFileSync(sevenZipUrl()), modules: readModules(modules) };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function refuse(reason: string): never {
  console.error(reason);
  Deno.exit(EXIT_FAILED);
}

/** Resolves once the worker has what it needs, and is ready to scan. */
function startWorker(url: string, tools: ToolsMessage): Promise<Worker> {
  const options = { type: "module", name: "scan", deno: { permissions: "none" } };
  const worker = new Worker(url, options as WorkerOptions);
  return new Promise((resolve) => {
    worker.onmessage = ({ data }: MessageEvent<WorkerState>) => {
      if (data.state === "refused") refuse(data.reason);
      if (data.state === "ready") return resolve(worker);
      const buffers = tools.modules.map(({ buffer }) => buffer);
      worker.postMessage(tools, [tools.sevenZip.buffer, ...buffers]);
    };
    // An error that reaches here is a defect of the engine or a message that hit one: the process ends, the pool starts another.
    worker.onerror = (event) => {
      console.error(event.message);
      Deno.exit(EXIT_FAILED);
    };
  });
}

/** @returns the names of permissions that stay granted, in spite of all. */
function giveUpPermissions(): string[] {
  const kept: string[] = [];
  for (const name of PERMISSIONS) {
    const descriptor = { name } as Deno.PermissionDescriptor;
    try {
      if (Deno.permissions.revokeSync(descriptor).state === "granted") kept.push(name);
    } catch {
      // A name that this version of the runtime does not know.
    }
  }
  return kept;
}
