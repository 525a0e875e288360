/** The begin of a connection to a server: greeting, TLS, capabilities. */
import { PosternError } from "../../errors.ts";
import { connectServer, secureServer, type ServerTls } from "../mailbox/connect.ts";
import { CONNECT_MS } from "../mailbox/limits.ts";
import type { MailServer } from "../mailbox/servers.ts";
import type { WireStream } from "../stream.ts";
import { FragmentInput } from "./fragment_input.ts";
import { MAX_RESPONSE_LINE_OCTETS } from "./limits.ts";
import { latin1, octetsOf } from "./pieces.ts";
import { mayAnnounce, parseHead, responseCode, type ResponseHead } from "./responses.ts";

/** A server that has greeted. */
export interface Greeted {
  readonly stream: WireStream;
  /** Its responses. */
  readonly input: FragmentInput;
  /** The client is known to it by other means: nobody logs in. */
  readonly preauth: boolean;
  /** Of the greeting, without its response code. */
  readonly text: string;
  /** As the server wrote them; of the connection as it is now. */
  readonly capabilities: string;
}

type Line = Exclude<ResponseHead, { kind: "data" }> | {
  readonly kind: "data";
  readonly line: string;
};

/** Lines of the server before there is a session; none of them has a literal. */
class Lines {
  readonly stream: WireStream;
  readonly input: FragmentInput;

  constructor(stream: WireStream) {
    this.stream = stream;
    this.input = new FragmentInput(stream, {
      maxLine: MAX_RESPONSE_LINE_OCTETS,
      from: "server",
      announces: mayAnnounce,
    });
  }

  async next(): Promise<Line> {
    const fragment = await this.input.next();
    if (fragment?.kind !== "text") {
      throw new PosternError("mailbox/unavailable", "The server closed the connection");
    }
    const head = parseHead(fragment.octets);
    return head.kind === "data" ? { kind: "data", line: latin1(fragment.octets) } : head;
  }

  /** Gives a command, and what it was answered: its untagged data, and its end. */
  async ask(command: string): Promise<{ data: string[]; ok: boolean }> {
    await this.stream.write(octetsOf(`p ${command}\r\n`));
    const data: string[] = [];
    while (true) {
      const line = await this.next();
      if (line.kind === "data") data.push(line.line);
      else if (line.kind === "tagged" && line.tag === "p") {
        return { data, ok: line.status === "OK" };
      } else if (line.kind === "status" && line.status === "BYE") {
        throw new PosternError("mailbox/unavailable", `The server closed: ${line.text}`);
      }
    }
  }

  async capabilities(): Promise<string> {
    const { data } = await this.ask("CAPABILITY");
    const line = data.find((each) => /^\* CAPABILITY /i.test(each));
    return line?.slice("* CAPABILITY ".length) ?? "IMAP4rev1";
  }
}

/**
 * Connects to a server, reads its greeting, takes STARTTLS as the options say, and asks for its capabilities where it has not
 * told them since.
 *
 * @throws {PosternError} `mailbox/unavailable` when it cannot be reached or says BYE, `smtp/tls` where TLS is wanted and does not
 * come about. There is no falling back to clear.
 */
export async function greetServer(server: MailServer, tls: ServerTls): Promise<Greeted> {
  const { below, stream } = await connectServer(server, tls);
  try {
    stream.deadline(CONNECT_MS);
    let lines = new Lines(stream);
    const greeting = await lines.next();
    if (greeting.kind !== "status" || greeting.status !== "OK" && greeting.status !== "PREAUTH") {
      const text = greeting.kind === "status" ? `: ${greeting.text}` : "";
      throw new PosternError("mailbox/unavailable", `The server did not greet${text}`);
    }
    const { code, rest } = responseCode(greeting.text);
    let capabilities = /^CAPABILITY /i.test(code ?? "")
      ? code!.slice("CAPABILITY ".length)
      : await lines.capabilities();
    const preauth = greeting.status === "PREAUTH";
    if (!server.implicitTls && tls.tls !== "none") {
      const offered = /(?:^| )STARTTLS(?: |$)/i.test(capabilities) && !preauth;
      if (!offered && tls.tls !== "may") {
        throw new PosternError(
          "smtp/tls",
          `${server.text} does not offer STARTTLS, and it is demanded`,
        );
      }
      if (offered) {
        if (!(await lines.ask("STARTTLS")).ok) {
          throw new PosternError("smtp/tls", `${server.text} refused STARTTLS`);
        }
        if (lines.input.unread) { // an attacker's, or a server's that cannot be told from one
          throw new PosternError(
            "smtp/tls",
            "The server sent octets in clear behind its answer to STARTTLS",
          );
        }
        lines = new Lines(await secureServer(below, server, tls));
        lines.stream.deadline(CONNECT_MS);
        capabilities = await lines.capabilities(); // what was said in clear counts no more
      }
    }
    lines.stream.deadline(0);
    return { stream: lines.stream, input: lines.input, preauth, text: rest.trim(), capabilities };
  } catch (error) {
    stream.close();
    below.close();
    throw error;
  }
}
