"""Random histories of tablets, a console and a server, all following from one seed, and what must hold of every one."""
