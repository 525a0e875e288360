/** The routes of the rspamd agent: pure functions from request to response; the session runner owns the socket. */
import { createHash, timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";
import { type Context, Hono } from "hono";
import { PosternError } from "../../errors.ts";
import { canDecompress, decompressInto } from "../decompress.ts";
import { failure } from "../http/session_runner.ts";
import { IncomingObject } from "../incoming_object.ts";
import { check } from "./check.ts";
import type { RspamdContext, RspamdSettings } from "./context.ts";
import { type Fields, type RequestFacts, requestFacts } from "./request_facts.ts";
import { legacyText } from "./result.ts";

/** What a request brings besides its URL and method. */
export interface RspamdBindings {
  readonly settings: RspamdSettings;
  /** With repeated names apart, which a Headers object would join. */
  readonly fields: Fields;
  /** The message, accounted for by whoever made the request. */
  readonly body: IncomingObject;
  readonly signal: AbortSignal;
  /** Whether the answer is to be in the form before HTTP's. */
  readonly legacy: boolean;
}

type Env = { Bindings: RspamdBindings };

/** Makes the routes. */
export function rspamdApp(context: RspamdContext): Hono<Env> {
  const app = new Hono<Env>();
  app.onError((error) => {
    throw error; // the session runner logs it
  });
  app.get("/ping", (c) => c.text("pong\r\n"));
  app.use(async (c, next) => {
    const { settings, fields } = c.env;
    if (fields.some(([name]) => name === "key")) {
      return failure(415, "Encrypted requests (HTTPCrypt) are not known here, ask without a key");
    }
    if (settings.password !== undefined && !mayAsk(settings.password, fields)) {
      return failure(403, "Unauthorized: the field Password does not say what it must");
    }
    await next();
  });
  const checks = ["/checkv2", "/check", "/symbols"];
  app.on("POST", checks, (c) => checked(context, c));
  // Rspamd's own proxy sends its message so.
  app.on("GET", checks, (c, next) => c.env.body.length > 0 ? checked(context, c) : next());
  app.all("*", (c) => {
    const known = checks.includes(c.req.path) || c.req.path === "/ping";
    return known
      ? failure(405, `${c.req.path} does not take ${c.req.method}`)
      : failure(404, `There is no ${c.req.path}: POST /checkv2 and GET /ping are served`);
  });
  return app;
}

async function checked(context: RspamdContext, c: Context<Env>): Promise<Response> {
  const { settings, fields, body, signal, legacy } = c.env;
  const facts = requestFacts(fields);
  if (facts.envelope.recipients.length > settings.recipients) {
    return failure(400, `More than ${settings.recipients} recipients`);
  }
  if (facts.elsewhere && body.length === 0) {
    return failure(
      415,
      "Files and shared memory (File, Path, Shm) are not read here, send the message",
    );
  }
  const unpacked = await decompressed(context, settings, facts, body);
  if (unpacked instanceof Response) return unpacked;
  try {
    const { result, message } = await check(context, settings, facts, unpacked.octets(), signal);
    if (legacy) return c.text(legacyText(result));
    const json = Buffer.from(JSON.stringify(result));
    const headers = { "content-type": "application/json" };
    if (!message) return new Response(json, { headers });
    return new Response(Buffer.concat([json, message]), {
      headers: { ...headers, "message-offset": String(json.length) },
    });
  } finally {
    if (unpacked !== body) unpacked.release();
  }
}

/** The message as it was before the client compressed it. */
async function decompressed(
  { ports }: RspamdContext,
  settings: RspamdSettings,
  { compression }: RequestFacts,
  body: IncomingObject,
): Promise<IncomingObject | Response> {
  if (compression === "") return body;
  if (compression !== "zstd" || !canDecompress("zstd")) {
    return failure(415, `Compression ${JSON.stringify(compression)} is not known here, send plain`);
  }
  const target = new IncomingObject(ports, settings.dataMs);
  try {
    await decompressInto("zstd", body.octets(), target, settings.messageSize);
  } catch (error) {
    target.release();
    if (!(error instanceof PosternError)) throw error;
    return failure(error.code === "wire/too-long" ? 413 : 400, error.message);
  }
  if (!target.noRoom) return target;
  return failure(503, "Too much mail at once, try again later");
}

/** In a time that tells nothing of the password. */
function mayAsk(password: string, fields: Fields): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  const said = fields.find(([name]) => name === "password")?.[1] ?? "";
  return timingSafeEqual(digest(said), digest(password));
}
