mod sandbox_oy;
