/**
 * An address that passes from one worker to the next without a moment in which nobody listens: the new one listens beside the old
 * (SO_REUSEPORT), new connections are led to it, and the old one stops once those that had begun to connect to it have come in.
 */
import { leadTo, listeningOn, shutDown } from "./listening.ts";

/** How long the runtime may take to close a socket, ms. */
const CLOSE_MS = 2000;
/** Between two looks at one that closes, ms. */
const CLOSE_LOOK_MS = 2;

/** Who listens; an identity and nothing else. */
export type Member = object;

/** A member in its place. */
interface Place {
  readonly member: Member;
  /** Its socket, where it could be told from others. */
  readonly fd: number | undefined;
}

/** All that listen on one address. */
interface Shared {
  /** In the kernel's order. */
  readonly places: Place[];
  /** Whom new connections are led to, where there are several. */
  led: Place;
}

/** The listeners on the addresses of one daemon. */
export class SharedAddresses {
  readonly #shared = new Map<string, Shared>();
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * Lets a member listen and leads new connections to it.
   *
   * @param listen Listens; resolves with the addresses.
   * @returns the addresses; `led` is false where others have one of them, too, and the kernel spreads connections over all.
   * @throws what `listen` throws.
   */
  join(
    member: Member,
    listen: () => Promise<readonly string[]>,
  ): Promise<{ readonly addresses: readonly string[]; readonly led: boolean }> {
    return this.#inTurn(async () => {
      const known = new Set([...this.#shared.values()].flatMap(({ places }) => places).map(fdOf));
      const addresses = await listen();
      let led = true;
      for (const address of addresses) {
        const fresh = listeningOn(address).filter((fd) => !known.has(fd));
        const place: Place = { member, fd: fresh.length === 1 ? fresh[0] : undefined };
        const shared = this.#shared.get(address);
        if (shared) {
          shared.places.push(place);
          shared.led = place;
          led = this.#lead(address, shared) && led;
        } else this.#shared.set(address, { places: [place], led: place });
      }
      return { addresses, led };
    });
  }

  /** Leads new connections to a member that listens already, and not to those that came after it. */
  prefer(member: Member): Promise<void> {
    return this.#inTurn(() => {
      for (const [address, shared] of this.#shared) {
        const place = shared.places.find(of(member));
        if (!place) continue;
        shared.led = place;
        this.#lead(address, shared);
      }
      return Promise.resolve();
    });
  }

  /** Lets a member stop listening. @param stop Begins it; the sockets may be closed a moment later. */
  leave(member: Member, stop: () => Promise<unknown>): Promise<void> {
    return this.#inTurn(async () => {
      await stop();
      // Until then the kernel's order is the old one.
      const end = performance.now() + CLOSE_MS;
      while (this.#listens(member) && performance.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, CLOSE_LOOK_MS));
      }
      this.#remove(member);
    });
  }

  /**
   * A member is dead or stuck: what it listened with is shut, where it is still there.
   *
   * @param stuck Shut the connections on its addresses, too: nobody will ever answer them.
   * @returns false where that could not be done, and what is stuck still takes its share of new connections.
   */
  bury(member: Member, stuck: boolean): Promise<boolean> {
    return this.#inTurn(() => {
      let done = true;
      for (const [address, { places }] of this.#shared) {
        const place = places.find(of(member));
        if (!place) continue;
        done = place.fd !== undefined && shutDown(address, place.fd, stuck) && done;
      }
      this.#remove(member);
      return Promise.resolve(done);
    });
  }

  #listens(member: Member): boolean {
    return [...this.#shared].some(([address, { places }]) => {
      const fd = places.find(of(member))?.fd;
      return fd !== undefined && listeningOn(address).includes(fd);
    });
  }

  /** As the kernel does it: the last takes the place of the one that goes. */
  #remove(member: Member): void {
    for (const [address, shared] of this.#shared) {
      const { places } = shared;
      const index = places.findIndex(of(member));
      if (index < 0) continue;
      const last = places.pop();
      if (last && index < places.length) places[index] = last;
      const newest = places.at(-1);
      if (!newest) {
        this.#shared.delete(address);
        continue;
      }
      if (!places.includes(shared.led)) shared.led = newest;
      this.#lead(address, shared);
    }
  }

  #lead(address: string, { places, led }: Shared): boolean {
    // A path in the file system leads to whoever bound it last.
    if (places.length < 2 || address.startsWith("unix:")) return true;
    return leadTo(address, places.indexOf(led));
  }

  /** One after the other: the order is known only while nobody else changes it. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

const of = (member: Member) => (place: Place) => place.member === member;
const fdOf = (place: Place) => place.fd;
