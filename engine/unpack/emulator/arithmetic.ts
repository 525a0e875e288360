/** Results and flags of the integer instructions. Numbers are computed at the upper end of 32 bits, so that all sizes are one. */
import { Fault } from "./memory.ts";
import { EAX, EDX, type Processor, type Size } from "./processor.ts";

const COMPARE = 7;

function setResult(p: Processor, top: number, size: Size): number {
  const result = top >> (32 - 8 * size);
  p.zero = top === 0 ? 1 : 0;
  p.sign = top >>> 31;
  p.parityOctet = result;
  return result;
}

function add(p: Processor, a: number, b: number, carry: number, size: Size): number {
  const shift = 32 - 8 * size;
  const x = a << shift;
  const y = b << shift;
  const sum = (x + y + (carry << shift)) | 0;
  p.carry = ((x & y) | ((x | y) & ~sum)) >>> 31;
  p.overflow = ((x ^ sum) & (y ^ sum)) >>> 31;
  const result = setResult(p, sum, size);
  p.adjust = ((a ^ b ^ result) >> 4) & 1;
  return result;
}

/** Subtraction; also what CMP, SCAS and CMPS set. */
export function subtract(p: Processor, a: number, b: number, borrow: number, size: Size): number {
  const shift = 32 - 8 * size;
  const x = a << shift;
  const y = b << shift;
  const rest = (x - y - (borrow << shift)) | 0;
  p.carry = ((~x & y) | (~(x ^ y) & rest)) >>> 31;
  p.overflow = ((x ^ y) & (x ^ rest)) >>> 31;
  const result = setResult(p, rest, size);
  p.adjust = ((a ^ b ^ result) >> 4) & 1;
  return result;
}

/** AND, OR, XOR and TEST: the result is given. */
export function logic(p: Processor, value: number, size: Size): number {
  p.carry = 0;
  p.overflow = 0;
  p.adjust = 0;
  return setResult(p, value << (32 - 8 * size), size);
}

/** ADD, OR, ADC, SBB, AND, SUB, XOR, CMP by their number. */
export function calculate(p: Processor, op: number, a: number, b: number, size: Size): number {
  switch (op) {
    case 0:
      return add(p, a, b, 0, size);
    case 1:
      return logic(p, a | b, size);
    case 2:
      return add(p, a, b, p.carry, size);
    case 3:
      return subtract(p, a, b, p.carry, size);
    case 4:
      return logic(p, a & b, size);
    case 6:
      return logic(p, a ^ b, size);
    default:
      return subtract(p, a, b, 0, size);
  }
}

/** Whether {@link calculate} is for its flags alone. */
export function isCompare(op: number): boolean {
  return op === COMPARE;
}

/** INC and DEC, which leave the carry. */
export function step(p: Processor, a: number, by: 1 | -1, size: Size): number {
  const { carry } = p;
  const result = by === 1 ? add(p, a, 1, 0, size) : subtract(p, a, 1, 0, size);
  p.carry = carry;
  return result;
}

/** ROL, ROR, RCL, RCR, SHL, SHR, SAL, SAR by their number. */
export function shift(p: Processor, op: number, a: number, by: number, size: Size): number {
  const bits = 8 * size;
  const mask = size === 4 ? -1 : (1 << bits) - 1;
  let count = by & 31;
  if (count === 0) return a;
  let value = a & mask;
  if (op < 2) {
    count %= bits;
    const left = op === 0 ? count : (bits - count) % bits;
    if (left !== 0) value = ((value << left) | (value >>> (bits - left))) & mask;
    const top = (value >>> (bits - 1)) & 1;
    p.carry = op === 0 ? value & 1 : top;
    p.overflow = op === 0 ? top ^ p.carry : top ^ ((value >>> (bits - 2)) & 1);
    return value;
  }
  if (op < 4) {
    for (let i = 0; i < count; i++) {
      const top = (value >>> (bits - 1)) & 1;
      const low = value & 1;
      if (op === 2) {
        value = ((value << 1) | p.carry) & mask;
        p.carry = top;
      } else {
        value = (value >>> 1) | (p.carry << (bits - 1));
        p.carry = low;
      }
    }
    const top = (value >>> (bits - 1)) & 1;
    p.overflow = op === 2 ? top ^ p.carry : top ^ ((value >>> (bits - 2)) & 1);
    return value;
  }
  const before = (value >>> (bits - 1)) & 1;
  const room = 32 - bits;
  if (op === 5) {
    p.carry = (value >>> (count - 1)) & 1;
    value >>>= count;
    p.overflow = before;
  } else if (op === 7) {
    value = (value << room) >> room;
    p.carry = (value >> (count - 1)) & 1;
    value >>= count;
    p.overflow = 0;
  } else {
    p.carry = count > bits ? 0 : (value >>> (bits - count)) & 1;
    value <<= count;
    p.overflow = ((value >>> (bits - 1)) & 1) ^ p.carry;
  }
  p.adjust = 0;
  return setResult(p, value << room, size);
}

/** SHLD and SHRD. */
export function shiftDouble(
  p: Processor,
  isLeft: boolean,
  a: number,
  b: number,
  by: number,
  size: 2 | 4,
): number {
  const bits = 8 * size;
  const count = by & 31;
  if (count === 0 || count > bits) return a;
  const mask = size === 4 ? 0xffffffffn : 0xffffn;
  const [high, low] = isLeft ? [a, b] : [b, a];
  const both = ((BigInt(high) & mask) << BigInt(bits)) | (BigInt(low) & mask);
  const value = isLeft ? both >> BigInt(bits - count) : both >> BigInt(count);
  const lost = isLeft ? a >>> (bits - count) : a >>> (count - 1);
  const result = setResult(p, Number(BigInt.asIntN(32, value)) << (32 - bits), size);
  p.carry = lost & 1;
  p.overflow = ((a ^ result) >>> (bits - 1)) & 1;
  return result;
}

/** IMUL with two operands. */
export function multiply(p: Processor, a: number, b: number, size: 2 | 4): number {
  const shift = 32 - 8 * size;
  const x = (a << shift) >> shift;
  const y = (b << shift) >> shift;
  const low = Math.imul(x, y);
  const result = setResult(p, low << shift, size);
  p.carry = p.overflow = x * y === result ? 0 : 1;
  return result;
}

/** MUL and IMUL of the accumulator. */
export function multiplyLong(p: Processor, b: number, isSigned: boolean, size: Size): void {
  const bits = 8 * size;
  const cut = (value: number) =>
    isSigned ? BigInt.asIntN(bits, BigInt(value)) : BigInt.asUintN(bits, BigInt(value));
  const product = cut(p.register(EAX, size)) * cut(b);
  const low = Number(BigInt.asIntN(bits, product));
  const high = Number(BigInt.asIntN(bits, product >> BigInt(bits)));
  if (size === 1) p.setRegister(EAX, 2, (low & 0xff) | (high << 8));
  else {
    p.setRegister(EAX, size, low);
    p.setRegister(EDX, size, high);
  }
  const fits = isSigned ? BigInt.asIntN(bits, product) === product : high === 0;
  setResult(p, low << (32 - bits), size);
  p.carry = p.overflow = fits ? 0 : 1;
}

/** DIV and IDIV. Throws {@link Fault} where there is no result. */
export function divide(p: Processor, by: number, isSigned: boolean, size: Size): void {
  const bits = 8 * size;
  const cut = (value: bigint, width: number) =>
    isSigned ? BigInt.asIntN(width, value) : BigInt.asUintN(width, value);
  const divisor = cut(BigInt(by), bits);
  if (divisor === 0n) throw new Fault("divide");
  const low = BigInt.asUintN(bits, BigInt(p.register(EAX, size)));
  const high = BigInt(size === 1 ? p.register(4, 1) : p.register(EDX, size));
  const dividend = cut((high << BigInt(bits)) | low, 2 * bits);
  const quotient = dividend / divisor;
  if (cut(quotient, bits) !== quotient) throw new Fault("divide");
  const rest = Number(BigInt.asIntN(32, dividend % divisor));
  const whole = Number(BigInt.asIntN(32, quotient));
  p.setRegister(EAX, size, whole);
  if (size === 1) p.setRegister(4, 1, rest);
  else p.setRegister(EDX, size, rest);
}
