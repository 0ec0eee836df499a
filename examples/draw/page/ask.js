// Requests to the server.

// ask returns the response to a request. If it's refused, the error has the status of the
// response. If the server is gone, the error is unreachable.
export async function ask(path, body = {}) {
  let response, found;
  try {
    response = await fetch(path, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)});
    found = await response.json();
  } catch (error) {
    throw Object.assign(error, {unreachable: true});
  }
  if (!response.ok) throw Object.assign(new Error(found.error), {status: response.status});
  return found;
}
