/** From a message to the reply of its method, as the policy has it. */
import { Buffer } from "node:buffer";
import type { Verdict } from "../../engine/types.ts";
import type { Outcome } from "../../policy/types.ts";
import { walkHeader } from "../header_walk.ts";
import { markMessage } from "../marking.ts";
import { newQueueId } from "../queue_id.ts";
import { scoreOf } from "../score.ts";
import { messageRecord, messageWay, type WayRequest } from "../way.ts";
import type { SpamdContext, SpamdSettings } from "./context.ts";
import { EX, refusal, reply, report, spamField, symbolList } from "./replies.ts";
import type { SpamdRequest } from "./request_decoder.ts";

/**
 * Scans a message and asks the policy. Nothing is kept: the caller has the message. PROCESS gives it back with what the policy
 * puts in and takes out; all others tell of it as it came.
 *
 * @param client Address of the client; `""` on a socket in the file system.
 * @returns the reply whole.
 * @throws {PosternError} what the ports throw.
 */
export async function answer(
  context: SpamdContext,
  settings: SpamdSettings,
  request: SpamdRequest,
  message: Uint8Array,
  client: string,
): Promise<readonly Uint8Array[]> {
  const begin = performance.now();
  const time = Date.now();
  const { ports } = context;
  const way: WayRequest = {
    agent: "spamd",
    listener: settings.listener,
    queueId: newQueueId(time),
    time,
    envelope: {
      sender: "",
      recipients: [request.user ?? ""],
      ...(client === "" ? {} : { client }),
    },
    tls: false,
    message,
    tree: ports.policy(),
    nextHop: "",
    splitting: "strictest",
    ...(settings.direction === undefined ? {} : { direction: settings.direction }),
    fixed: request.method !== "PROCESS",
    keep: false,
  };
  context.messages++;
  const { verdict, groups, ...rest } = await messageWay(ports, way);
  const group = groups[0]!;
  const { outcome } = group;
  const score = scoreOf(verdict, outcome, settings.points);
  const whole = { ...(verdict ? { verdict } : {}), groups, ...rest };
  const said = outcome.action === "defer" ? "EX_TEMPFAIL" : spamField(request, score);
  ports.record(
    messageRecord(way, whole, [{ reply: said }], { total: performance.now() - begin }),
  );
  if (outcome.action === "defer") return [Buffer.from(refusal(EX.tempfail, "EX_TEMPFAIL"))];
  const text = (content: string) => reply(request, score, [Buffer.from(content)]);
  switch (request.method) {
    case "PROCESS":
      return reply(request, score, group.message ?? marked(message, outcome, verdict));
    case "HEADERS":
      return reply(request, score, headerOf(marked(message, outcome, verdict)));
    case "SYMBOLS":
      return text(symbolList(request, score));
    case "REPORT":
      return text(report(score));
    case "REPORT_IFSPAM":
      return text(score.spam ? report(score) : "");
    default:
      return reply(request, score, undefined);
  }
}

function marked(
  message: Uint8Array,
  outcome: Outcome,
  verdict: Verdict | undefined,
): readonly Uint8Array[] {
  return markMessage(message, verdict?.layout ?? walkHeader(message).layout, outcome, verdict);
}

/** Up to and with the empty line. */
function headerOf(message: readonly Uint8Array[]): readonly Uint8Array[] {
  const octets = Buffer.concat(message);
  const { layout } = walkHeader(octets);
  const empty = octets.subarray(layout.headerEnd, layout.headerEnd + 2).toString("latin1");
  const end = empty.startsWith("\n") ? 1 : empty === "\r\n" ? 2 : 0;
  return [octets.subarray(0, layout.headerEnd + end)];
}
