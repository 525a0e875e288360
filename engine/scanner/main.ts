/**
 * The scanner process. It starts the worker that will read mail, hands it what it needs, and gives up every permission. The
 * worker connects to the pool's private socket, gives up the permission for that, and only then says hello; octets go no further
 * way than from the socket to it. This thread waits for the pool to close standard input, and then ends the process, whatever
 * the worker is doing.
 */
import { sevenZipUrl } from "./sevenzip_file.ts";
import { confineThread } from "./landlock.ts";
import { loadModules } from "./module_files.ts";
import { giveUpPermissions } from "./permissions.ts";
import type { StartMessage, ToolsMessage, WorkerState } from "./protocol.ts";

/** Exit status after a failure of its own; any other end is a crash, too. */
const EXIT_FAILED = 70;

/**
 * Runs until the pool closes standard input, then ends the process.
 *
 * @param socket Path of the pool's listening socket.
 * @param workerUrl The scanning worker's module.
 * @param modules Signature modules to load, in JSON: what {@link loadModules} takes.
 * @param namesSockets Whether the runtime has a net permission for single unix sockets.
 * @param library Path of the C library, to have the kernel refuse things, too; empty where there is none.
 */
export async function runScanner(
  socket: string,
  workerUrl: string,
  modules: string,
  namesSockets: boolean,
  library: string,
): Promise<never> {
  // Ctrl-C in a terminal goes to the whole group; the pool decides when its scanners end.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {});
  }
  // Asking for more than this thread has would be an error.
  const mayConfine = library !== "" && !Deno.build.standalone &&
    Deno.permissions.querySync({ name: "ffi", path: library }).state === "granted";
  const tools = toolsFor(socket, modules, library, mayConfine);
  // To look at what was mapped takes the permission to look at all memory; it goes with the others before any mail comes.
  const isMapped = tools.modules.some((module) => !(module instanceof Uint8Array));
  const permissions = {
    read: [socket],
    write: [socket],
    ...(isMapped ? { ffi: true } : mayConfine ? { ffi: [library] } : {}),
    ...(namesSockets ? { net: [`unix:${socket}`] } : {}),
  };
  const options = { type: "module", name: "scan", deno: { permissions } };
  // The binary has the worker's module in itself. Elsewhere the worker has to read it first, and confines itself.
  const refused = Deno.build.standalone ? confineThread(library) : [];
  const worker = new Worker(workerUrl, options as WorkerOptions);
  // An error that reaches here is a defect of the engine or a message that hit one: the process ends, the pool starts another.
  worker.onerror = (event) => refuse(event.message);
  worker.onmessage = ({ data }: MessageEvent<WorkerState>) => {
    switch (data.state) {
      case "there": {
        const buffers = tools.modules.flatMap((module) =>
          module instanceof Uint8Array ? [module.buffer] : []
        );
        if (tools.yara) buffers.push(tools.yara.buffer);
        return worker.postMessage(tools, [tools.sevenZip.buffer, ...buffers]);
      }
      case "connected": {
        const start: StartMessage = { start: true, kept: giveUpPermissions(), refused };
        return worker.postMessage(start);
      }
      case "refused":
        return refuse(data.reason);
      case "closed":
        Deno.exit(0);
    }
  };
  const buffer = new Uint8Array(1);
  while (await Deno.stdin.read(buffer) !== null);
  Deno.exit(0);
}

/** What the worker needs and may not read itself; a damaged module ends the process, with the reason as its last words. */
function toolsFor(
  socket: string,
  modules: string,
  library: string,
  mayConfine: boolean,
): ToolsMessage {
  try {
    // The worker compiles it when a container needs it: most scanners never do.
    return {
      socket,
      library: mayConfine ? library : "",
      sevenZip: Deno.readFileSync(sevenZipUrl()),
      ...loadModules(modules, library),
    };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function refuse(reason: string): never {
  console.error(reason);
  Deno.exit(EXIT_FAILED);
}
