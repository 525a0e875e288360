/**
 * The tools' socket: what programs that mail servers start as other users (pipe, mda, cgp, scan, ...) connect to. It scans and
 * decides, and does nothing else: no status, no quarantine, no store.
 */
import { reasonOf } from "../agents/describe.ts";
import { ONE_SHOT_AGENTS } from "../agents/pipe/process.ts";
import { makeRoom } from "../agents/unix_listener.ts";
import { PosternError } from "../errors.ts";
import type { Config } from "../policy/config.ts";
import type { Operate } from "./control/caller.ts";
import { ControlServer } from "./control/server.ts";
import { InFlight } from "./in_flight.ts";
import { sizeOf } from "./reading.ts";

/** Operations that any local user may ask for. */
const ALLOWED: readonly string[] = ["scan", "process"];
/** Connections at once; for one more, the one is closed that has asked for nothing for the longest time. */
const MAX_CONNECTIONS = 500;
/** How long the octets of a message may take from the caller to here, or back, ms: they are on this machine. */
const TRANSFER_MS = 60_000;
/** Share of `inFlight` that the tools' messages have besides. */
const SHARE = 0.25;

/** Opens, moves and closes it as the configuration says. */
export class ToolsSocket {
  readonly #operate: Operate;
  readonly #inFlight = new InFlight(0);
  #server: ControlServer | undefined;
  #open = "";

  /** @param operate All operations; those that are not for everybody are refused before. */
  constructor(operate: Operate) {
    this.#operate = (op, args, octets, signal) => {
      if (!ALLOWED.includes(op)) {
        throw new PosternError(
          "command/usage",
          `The tools' socket does not take ${JSON.stringify(op)}: use the control socket`,
        );
      }
      return operate(op, op === "process" ? withoutPrivilege(args) : args, octets, signal);
    };
  }

  /** Octets held for its callers. */
  get held(): number {
    return this.#inFlight.held;
  }

  /**
   * @throws {PosternError} `wire/closed` where it cannot be made there; what was open at another place stays so. What was open at
   * the same one is to be applied again.
   */
  async apply(config: Pick<Config, "tools" | "inFlight">): Promise<void> {
    this.#inFlight.limit = sizeOf(config.inFlight) * SHARE;
    const { tools } = config;
    const wanted = tools ? `${tools.mode} ${tools.socket}` : "";
    if (wanted === this.#open) return;
    const before = this.#server;
    const sameplace = tools !== undefined && this.#open.endsWith(` ${tools.socket}`);
    if (sameplace) {
      await before?.close();
      // Nothing is open until it listens again: where that fails, the next try begins anew, and so does the way back.
      this.#server = undefined;
      this.#open = "";
    }
    this.#server = tools ? await this.#listen(tools) : undefined;
    this.#open = wanted;
    if (!sameplace) await before?.close();
  }

  /** Takes no more connections and ends those there are. */
  async close(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
    this.#open = "";
  }

  async #listen({ socket, mode }: NonNullable<Config["tools"]>): Promise<ControlServer> {
    try {
      await makeRoom(socket);
      return await ControlServer.listen(
        socket.slice("unix:".length),
        this.#operate,
        this.#inFlight,
        { mode: Number.parseInt(mode, 8), connections: MAX_CONNECTIONS, transferMs: TRANSFER_MS },
      );
    } catch (cause) {
      const what = `Cannot listen on tools.socket ${socket}: ${reasonOf(cause)}`;
      throw new PosternError("wire/closed", what, { cause });
    }
  }
}

/** What a caller may not say of himself: another kind of gate, and where released mail goes. */
function withoutPrivilege(args: unknown): unknown {
  if (typeof args !== "object" || args === null) return args;
  const { nextHop: _, ...rest } = args as { readonly nextHop?: unknown; readonly agent?: unknown };
  if (ONE_SHOT_AGENTS.some((agent) => agent === rest.agent)) return rest;
  throw new PosternError(
    "command/usage",
    `The tools' socket is for ${ONE_SHOT_AGENTS.join(", ")}, not for ${JSON.stringify(rest.agent)}`,
  );
}
