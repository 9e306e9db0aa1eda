package registry

// HookDeliveries is the object of what is noted of deliveries of git hosts. It is no node.
const HookDeliveries ID = "git_host_deliveries"
