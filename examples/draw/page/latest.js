// latest returns a function that calls work with its newest arguments. It makes one call at
// a time, and of the calls that come in meanwhile it keeps only the last.
export function latest(work, failed) {
  let busy = false, next = null;
  return async function call(...args) {
    next = args;
    if (busy) return;
    busy = true;
    while (next) {
      const now = next;
      next = null;
      try {
        await work(...now);
      } catch (error) {
        failed(error);
      }
    }
    busy = false;
  };
}
