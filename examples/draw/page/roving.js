// A group of similar controls that is a single stop for Tab.

const towards = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

// rove makes one control of a group, at first the first one, the stop for Tab. The arrow keys
// move the focus to the control beside, above or below, Home and End to the first and the
// last. It may be called again after the controls of the group have changed.
export function rove(group, selector = 'button') {
  const controls = () => Array.from(group.querySelectorAll(selector));
  const stopAt = control => {
    for (const other of controls()) other.tabIndex = other === control ? 0 : -1;
  };
  const all = controls();
  if (all.length > 0) stopAt(all.find(control => control === document.activeElement) ?? all.find(control => control.getAttribute('tabindex') === '0') ?? all[0]);
  if (group.dataset.roving) return;
  group.dataset.roving = selector;
  group.addEventListener('focusin', event => {
    const control = event.target.closest(selector);
    if (control) stopAt(control);
  });
  group.addEventListener('keydown', event => {
    const from = event.target.closest(selector), usable = controls().filter(control => !control.disabled);
    if (!from || event.ctrlKey || event.altKey || event.metaKey) return;
    let to;
    if (event.key === 'Home') to = usable[0];
    else if (event.key === 'End') to = usable[usable.length - 1];
    else if (towards[event.key]) to = beside(usable, from, towards[event.key]);
    else return;
    event.preventDefault(); // the page doesn't scroll
    to?.focus();
  });
}

// beside returns the control next to another one: to its left or right in their order, above
// or below it as they are laid out.
function beside(controls, from, [x, y]) {
  if (x !== 0) return controls[controls.indexOf(from) + x];
  const place = control => control.getBoundingClientRect();
  const here = place(from), far = control => Math.hypot(4 * (place(control).top - here.top), place(control).left - here.left);
  const there = controls.filter(control => y * (place(control).top - here.top) > here.height / 2);
  return there.sort((a, b) => far(a) - far(b))[0];
}
