// How the page writes numbers.

// percent writes a probability with one decimal. A softmax is never quite sure, so it never
// writes 100.0%, and 0.0% only for 0.
export function percent(p) {
  const text = (100 * p).toFixed(1);
  if (text === '100.0') return '>99.9%';
  return text === '0.0' && p > 0 ? '<0.1%' : `${text}%`;
}
