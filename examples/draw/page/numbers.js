// How the page writes numbers.

// percent writes a probability with one decimal. A softmax is never quite sure, so it never
// writes 100.0%, and 0.0% only for 0.
export function percent(p) {
  const text = (100 * p).toFixed(1);
  if (text === '100.0') return '>99.9%';
  return text === '0.0' && p > 0 ? '<0.1%' : `${text}%`;
}

const raised = n => Array.from(String(n), c => '⁰¹²³⁴⁵⁶⁷⁸⁹'[c] ?? '⁻').join('');

// rough writes a positive number with a few digits.
export function rough(v) {
  if (v === 0) return '0';
  if (v >= 0.01 && v < 1000) return v.toPrecision(v < 1 ? 2 : 3);
  const [digits, exponent] = v.toExponential(0).split('e');
  return `${digits}·10${raised(Number(exponent))}`;
}

// unit returns the power of ten to write a table of values in, so that something is left of
// three decimals: 1 unless the largest of them, most, is small. Gradients often are.
export function unit(most) {
  const power = most > 0 && most < 0.1 ? Math.floor(Math.log10(most)) : 0;
  return {factor: 10 ** power, text: power === 0 ? '' : `10${raised(power)}`};
}
