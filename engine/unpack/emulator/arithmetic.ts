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
  const mask = size === 4 ? -1 : 0xffff;
  const rest = bits - count;
  const moved = isLeft
    ? (a << count) | ((b & mask) >>> rest)
    : ((a & mask) >>> count) | (b << rest);
  const lost = isLeft ? a >>> rest : a >>> (count - 1);
  const result = setResult(p, moved << (32 - bits), size);
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

/** The upper half of a product of 64 bits; of unsigned numbers. */
function upperHalf(a: number, b: number): number {
  const low = a & 0xffff, high = a >>> 16;
  const otherLow = b & 0xffff, otherHigh = b >>> 16;
  const inner = high * otherLow + Math.floor(low * otherLow / 0x10000);
  const outer = low * otherHigh + (inner & 0xffff);
  return (high * otherHigh + Math.floor(inner / 0x10000) + Math.floor(outer / 0x10000)) | 0;
}

/** MUL and IMUL of the accumulator. */
export function multiplyLong(p: Processor, b: number, isSigned: boolean, size: Size): void {
  const a = p.register(EAX, size);
  let low: number;
  let high: number;
  if (size === 4) {
    low = Math.imul(a, b);
    high = upperHalf(a, b);
    if (isSigned) high = (high - (a < 0 ? b : 0) - (b < 0 ? a : 0)) | 0;
  } else {
    const room = 32 - 8 * size;
    const cut = (value: number) => isSigned ? (value << room) >> room : (value << room) >>> room;
    const product = Math.imul(cut(a), cut(b));
    low = (product << room) >> room;
    high = product >> (8 * size);
  }
  if (size === 1) p.setRegister(EAX, 2, (low & 0xff) | (high << 8));
  else {
    p.setRegister(EAX, size, low);
    p.setRegister(EDX, size, high);
  }
  const room = 32 - 8 * size;
  setResult(p, low << room, size);
  p.carry = p.overflow = (high << room) === (isSigned ? (low >> 31) << room : 0) ? 0 : 1;
}

/** DIV and IDIV. Throws {@link Fault} where there is no result. */
export function divide(p: Processor, by: number, isSigned: boolean, size: Size): void {
  const room = 32 - 8 * size;
  const cut = (value: number) => isSigned ? (value << room) >> room : (value << room) >>> room;
  const divisor = cut(by);
  if (divisor === 0) throw new Fault("divide");
  const low = cut(p.register(EAX, size));
  const high = cut(size === 1 ? p.register(4, 1) : p.register(EDX, size));
  // most dividends are no longer than their divisors
  const isShort = high === (isSigned ? low >> 31 : 0);
  const [whole, rest] = isShort
    ? [Math.trunc(low / divisor), low % divisor]
    : divideLong(low, high, divisor, size);
  if (cut(whole) !== whole) throw new Fault("divide");
  p.setRegister(EAX, size, whole);
  if (size === 1) p.setRegister(4, 1, rest);
  else p.setRegister(EDX, size, rest);
}

/** Quotient and rest of a dividend of twice as many bits. */
function divideLong(
  low: number,
  high: number,
  divisor: number,
  size: Size,
): readonly [number, number] {
  const bits = 8 * size;
  const dividend = (BigInt(high) << BigInt(bits)) | BigInt.asUintN(bits, BigInt(low));
  return [Number(dividend / BigInt(divisor)), Number(dividend % BigInt(divisor))];
}
