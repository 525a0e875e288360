/** A name server in the test's own process that knows some TXT records: RFC 1035, over UDP and TCP. */
import { Buffer } from "node:buffer";

/** A running server. */
export interface DnsServer extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /** Names that were asked for, in lower case. */
  readonly asked: readonly string[];
  /** Answers nothing any more. */
  silent: boolean;
}

/** Starts one. */
export function dnsServer(records: Readonly<Record<string, string>>): DnsServer {
  const tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = tcp.addr;
  const udp = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port });
  const asked: string[] = [];
  const server = { silent: false };
  const answer = (query: Uint8Array): Buffer | undefined => {
    const name = nameOf(query);
    asked.push(name);
    return server.silent ? undefined : reply(Buffer.from(query), records[name]);
  };
  const datagrams = (async () => {
    for await (const [query, from] of udp) {
      const octets = answer(query);
      if (octets) await udp.send(octets, from);
    }
  })();
  const connections = (async () => {
    for await (const conn of tcp) {
      const buffer = new Uint8Array(2000);
      const count = await conn.read(buffer).catch(() => null);
      const octets = count === null ? undefined : answer(buffer.subarray(2, count));
      if (octets) {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(octets.length);
        await conn.write(Buffer.concat([length, octets])).catch(() => {});
      }
      conn.close();
    }
  })();
  return {
    address: `127.0.0.1:${port}`,
    asked,
    get silent() {
      return server.silent;
    },
    set silent(silent: boolean) {
      server.silent = silent;
    },
    async [Symbol.asyncDispose]() {
      udp.close();
      tcp.close();
      await Promise.all([datagrams, connections]);
    },
  };
}

/** The first question's name. */
function nameOf(query: Uint8Array): string {
  const labels: string[] = [];
  for (let at = 12; query[at]; at += 1 + query[at]!) {
    labels.push(Buffer.from(query.subarray(at + 1, at + 1 + query[at]!)).toString("latin1"));
  }
  return labels.join(".").toLowerCase();
}

/** The question with its answer behind it; RCODE 3 where there is none. */
function reply(query: Buffer, text: string | undefined): Buffer {
  let end = 12;
  while (query[end]) end += 1 + query[end]!;
  end += 5;
  const head = Buffer.from(query.subarray(0, end));
  head.writeUInt16BE(text === undefined ? 0x8183 : 0x8180, 2);
  head.writeUInt16BE(text === undefined ? 0 : 1, 6);
  head.writeUInt32BE(0, 8);
  if (text === undefined) return head;
  const strings = (text.match(/.{1,255}/gs) ?? []).map((each) =>
    Buffer.concat([Buffer.of(each.length), Buffer.from(each)])
  );
  const data = Buffer.concat(strings);
  const record = Buffer.alloc(12);
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(16, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(60, 6);
  record.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, record, data]);
}
