console.log("x", process.argv);
