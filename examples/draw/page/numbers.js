// How the page writes numbers.

const minus = text => text.replace(/^-(?=.*[1-9])/, '−').replace(/^-/, ''); // and no −0
const superscript = n => Array.from(String(n), c => '⁰¹²³⁴⁵⁶⁷⁸⁹'[c] ?? '⁻').join('');

// number writes a sum, short one of many values. A network that learns too fast has enormous ones.
const enormous = 1e9;
export const number = v => Math.abs(v) < enormous ? minus(v.toFixed(6)) : power(v, 3);
export const short = v => Math.abs(v) < enormous ? minus(v.toFixed(3)) : power(v, 1);

// plus and times write what is added or multiplied: 1 − 2, not 1 + −2, and 1·(−2).
export const plus = v => number(v).startsWith('−') ? `− ${number(-v)}` : `+ ${number(v)}`;
export const times = v => short(v).startsWith('−') ? `(${short(v)})` : short(v);

// portion writes a part of 1: neither 0 nor 1 unless it is.
export const portion = v => v > 0 && v < 5e-7 ? '<0.000001' : v < 1 && v >= 1 - 5e-7 ? '>0.999999' : number(v);

// percent writes a probability with one decimal. A softmax is never quite sure, so it never
// writes 100.0%, and 0.0% only for 0.
export function percent(p) {
  const text = (100 * p).toFixed(1);
  if (text === '100.0') return '>99.9%';
  return text === '0.0' && p > 0 ? '<0.1%' : `${text}%`;
}

// power writes a value with a power of ten. smallNumber and smallShort do if they have to: when
// the loss is almost 0, so are all gradients. shorts returns a function that writes all of these
// values alike.
export const power = (v, digits) => {
  const [factor, exponent] = v.toExponential(digits).split('e');
  return `${minus(factor)}·10${superscript(Number(exponent))}`;
};
export const smallNumber = v => v === 0 || Math.abs(v) >= 5e-5 ? number(v) : power(v, 3);
export const smallShort = v => v === 0 || Math.abs(v) >= 0.01 ? short(v) : power(v, 1);
export const shorts = values => values.flat().some(v => Math.abs(v) >= 0.01) ? short : v => v === 0 ? '0' : power(v, 1);

// rough writes a value that isn't negative with a few digits.
export function rough(v) {
  if (v === 0) return '0';
  return v >= 0.01 && v < 1000 ? v.toPrecision(v < 1 ? 2 : 3) : power(v, 0);
}

// unit returns the power of ten to write a table of values in, so that something is left of
// three decimals: 1 unless the largest of them, most, is small. Gradients often are.
export function unit(most) {
  const exponent = most > 0 && most < 0.1 ? Math.floor(Math.log10(most)) : 0;
  return {factor: 10 ** exponent, text: exponent === 0 ? '' : `10${superscript(exponent)}`};
}
